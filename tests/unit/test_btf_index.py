"""The index beside a kernel's BTF: what it finds, and that a damaged one is made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_ebpf.btf import Enum, Func, Struct
from pytest_ebpf.btf import index as indexing
from pytest_ebpf.btf.index import IndexedBtf, open_indexed
from pytest_ebpf.btf.names import essential
from pytest_ebpf.errors import BtfError


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("task_struct", "task_struct"),
        ("task_struct___old", "task_struct"),
        ("a___b___c", "a___b"),
        ("___sys_sendmsg", "___sys_sendmsg"),
        ("four____underscores", "four____underscores"),
        ("ends___", "ends___"),
        ("x___y", "x"),
        ("", ""),
    ],
)
def test_the_part_of_a_name_that_counts(name, plain):
    assert essential(name) == plain


@pytest.fixture
def file(tmp_path: Path, builder) -> Path:
    """BTF of int, two flavours of a struct, a function and an enum of the same name."""
    number = builder.int("int", 4)
    builder.struct("task", 4, ("pid", number, 0))
    builder.struct("task___old", 4, ("tgid", number, 0))
    proto = builder.proto(number)
    builder.add(12, "task", proto)
    builder.enum("bpf_func_id", ("BPF_FUNC_unspec", 0), ("BPF_FUNC_map_lookup_elem", 1))
    path = tmp_path / "btf"
    path.write_bytes(builder.data())
    return path


def opened(file: Path) -> IndexedBtf:
    return open_indexed(file, file.with_name("index"))


def test_it_finds_what_reading_finds(file, builder):
    made, read, plain = opened(file), opened(file), builder.btf()
    for btf in (made, read, plain):
        assert btf.ids("task") == [2, 5]
        assert btf.ids("task", Struct) == [2]
        assert btf.ids("task", Func) == [5]
        assert btf.ids("task___old") == [3]
        assert btf.flavours("task") == [2, 3, 5]
        assert btf.flavours("task", Struct) == [2, 3]
        assert btf.flavours("task___old") == []
        assert btf.ids("nothing") == []
        assert btf.ids("") == []
        assert len(btf) == 7
    found = read.type(read.find("bpf_func_id", Enum))
    assert found.values == (("BPF_FUNC_unspec", 0), ("BPF_FUNC_map_lookup_elem", 1))


def test_the_second_time_it_is_not_made_again(file, monkeypatch):
    opened(file)
    monkeypatch.setattr(indexing, "starts_of", None)
    assert opened(file).ids("int") == [1]


@pytest.mark.parametrize("damage", ["empty", "short", "flipped", "format", "longer"])
def test_a_damaged_index_is_thrown_away(file, damage):
    opened(file)
    index = file.with_name("index")
    sound = index.read_bytes()
    index.write_bytes(
        {
            "empty": b"",
            "short": sound[:-8],
            "flipped": sound[:-8] + bytes(8),
            "format": sound[:8] + b"\x09" + sound[9:],
            "longer": sound + bytes(8),
        }[damage]
    )
    assert opened(file).ids("int") == [1]
    assert index.read_bytes() == sound


def test_an_index_of_another_file_is_thrown_away(file, builder):
    opened(file)
    builder.struct("late", 4)
    file.write_bytes(builder.data())
    assert opened(file).ids("late") == [7]


def test_a_folder_that_cannot_be_written_costs_time_only(file, monkeypatch):
    index = file.parent / "missing" / "index"
    assert open_indexed(file, index).ids("int") == [1]
    assert open_indexed(file, index).ids("int") == [1]


def test_a_name_in_the_midst_of_a_string(tmp_path, builder):
    """BTF may let two names share a tail."""
    builder.int("unsigned", 4)
    data = bytearray(builder.data())
    data[24] += 2
    (tmp_path / "btf").write_bytes(data)
    assert opened(tmp_path / "btf").ids("signed") == [1]


def test_malformed(tmp_path, builder):
    path = tmp_path / "btf"
    path.write_bytes(b"")
    with pytest.raises(BtfError, match="no BTF data"):
        opened(path)
    path.write_bytes(builder.data(">"))
    with pytest.raises(BtfError) as caught:
        opened(path)
    assert str(caught.value) == f"{path}: of the other byte order; give the BTF of an x86 kernel"
    builder.int("int", 4)
    data = bytearray(builder.data())
    data[24] = 200
    path.write_bytes(data)
    with pytest.raises(BtfError, match=r"BTF: string 200 is past the end \(5\)"):
        opened(path)
