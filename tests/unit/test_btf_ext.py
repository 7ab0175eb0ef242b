"""``.BTF.ext``, encoded by hand: records, accesses by name, and what is refused."""

from __future__ import annotations

import struct

import pytest

from pytest_ebpf.btf.ext import BtfExt, CoreRelo, FuncInfo, LineInfo, access
from pytest_ebpf.errors import BtfError


def table(size: int, *sections: tuple[int, list[tuple[int, ...]]], order: str = "<") -> bytes:
    """A table: the size of a record, then (name of section, records)."""
    data = struct.pack(f"{order}I", size)
    for name, records in sections:
        data += struct.pack(f"{order}2I", name, len(records))
        for record in records:
            data += struct.pack(f"{order}{len(record)}I", *record).ljust(size, b"\0")
    return data


def ext(functions: bytes = b"", lines: bytes = b"", core: bytes | None = b"", order: str = "<") -> bytes:
    tables = [functions, lines] if core is None else [functions, lines, core]
    spans, at = [], 0
    for each in tables:
        spans += [at, len(each)]
        at += len(each)
    header = struct.pack(f"{order}HBBI{len(spans)}I", 0xEB9F, 1, 0, 8 + 4 * len(spans), *spans)
    return header + b"".join(tables)


@pytest.mark.parametrize("order", ["<", ">"])
def test_all_three_tables(builder, order):
    section, file, text, path = map(builder.string, ("xdp", "a.c", "return 1;", "0:1"))
    data = ext(
        table(8, (section, [(0, 3), (16, 4)]), order=order),
        table(16, (section, [(8, file, text, 12 << 10 | 5)]), order=order),
        table(16, (section, [(24, 7, path, 2)]), order=order),
        order,
    )
    assert BtfExt.parse(data, builder.btf()) == BtfExt(
        (FuncInfo("xdp", 0, 3), FuncInfo("xdp", 16, 4)),
        (LineInfo("xdp", 8, "a.c", 12, 5, "return 1;"),),
        (CoreRelo("xdp", 24, 7, "0:1", "field_exists"),),
    )


def test_an_old_header_has_no_relocations(builder):
    section = builder.string("xdp")
    found = BtfExt.parse(ext(table(8, (section, [(0, 1)])), core=None), builder.btf())
    assert (len(found.functions), found.lines, found.relocations) == (1, (), ())


def test_records_may_be_longer_than_we_know(builder):
    section = builder.string("xdp")
    found = BtfExt.parse(ext(table(12, (section, [(0, 1), (8, 2)]))), builder.btf())
    assert found.functions == (FuncInfo("xdp", 0, 1), FuncInfo("xdp", 8, 2))


def test_a_kind_that_is_not_known_has_its_number(builder):
    section = builder.string("xdp")
    found = BtfExt.parse(ext(core=table(16, (section, [(0, 1, 0, 99)]))), builder.btf())
    assert found.relocations[0].kind == "kind 99"


def refusal(builder, data: bytes) -> str:
    with pytest.raises(BtfError) as caught:
        BtfExt.parse(data, builder.btf())
    return str(caught.value)


def test_what_is_malformed(builder):
    section = builder.string("xdp")
    whole = ext(table(8, (section, [(0, 1)])))
    assert refusal(builder, b"\0\0" + whole[2:]) == (
        "BTF.ext: no BTF data (begins with 00 00, not 9f eb); compile with -g"
    )
    assert refusal(builder, whole[:2] + b"\5" + whole[3:]) == (
        "BTF.ext: unknown version (5); only version 1 is known"
    )
    assert refusal(builder, ext(table(4, (section, [(0,)])))) == (
        "BTF.ext: records of 4 bytes, too few; build the object again"
    )
    many = table(8) + struct.pack("<2I", section, 1 << 30)
    assert refusal(builder, ext(many)).startswith("BTF.ext: cut short")
    assert refusal(builder, ext(table(8) + b"\0\0\0\0")).startswith("BTF.ext: cut short")


def test_cut_short_anywhere(builder):
    section = builder.string("xdp")
    tables = table(8, (section, [(0, 1)])), table(16, (section, [(0,) * 4])), table(16, (section, [(0,) * 4]))
    whole = ext(*tables)
    for size in range(2, len(whole)):
        expected = f"BTF.ext: cut short ({size} bytes); build the object again"
        assert refusal(builder, whole[:size]) == expected
    for each in tables:
        for size in {*range(1, len(each))} - {4}:  # a table without sections is one
            assert refusal(builder, ext(each[:size])).startswith("BTF.ext: cut short")


@pytest.fixture
def types(builder):
    """struct outer { int first; union { int a; struct { int deep; }; }; struct outer *list[4]; }"""
    number = builder.int("int", 4)
    inner = builder.struct("", 4, ("deep", number, 0))
    choice = builder.struct("", 4, ("a", number, 0), ("", inner, 0), union=True)
    grid = builder.array(builder.struct("cell", 4, ("x", number, 0)), 4)
    outer = builder.struct("outer", 24, ("first", number, 0), ("", choice, 32), ("list", grid, 64))
    alias = builder.typedef("outer_t", builder.add(10, "", outer))
    state = builder.enum("state", ("IDLE", 0), ("BUSY", 1))
    anonymous = builder.typedef("mode_t", builder.enum("", ("ON", 1)))
    return builder.btf(), {"outer": outer, "alias": alias, "state": state, "mode": anonymous, "int": number}


@pytest.mark.parametrize(
    ("name", "path", "kind", "said"),
    [
        ("outer", "0", "byte_off", "struct outer"),
        ("outer", "0:0", "byte_off", "struct outer::first"),
        ("outer", "0:1:1:0", "byte_off", "struct outer::deep"),
        ("outer", "0:2:3:0", "byte_sz", "struct outer::list[3].x"),
        ("outer", "2:0", "byte_off", "struct outer[2]::first"),
        ("alias", "0:0", "field_exists", "struct outer::first"),
        ("alias", "0", "type_exists", "struct outer"),
        ("state", "1", "enumval_value", "enum state::BUSY"),
        ("mode", "0", "enumval_exists", "mode_t::ON"),
        ("int", "0", "local_type_id", "int"),
    ],
)
def test_accesses_by_name(types, name, path, kind, said):
    btf, ids = types
    assert access(btf, CoreRelo("xdp", 0, ids[name], path, kind)) == said


@pytest.mark.parametrize(
    ("name", "path", "message"),
    [
        ("outer", "0:9", "BTF.ext: access '0:9' leads out of struct outer; build the object again"),
        ("outer", "0:0:1", "BTF.ext: access '0:0:1' leads out of struct outer; build the object again"),
        ("outer", "0:-1", "BTF.ext: access '0:-1' leads out of struct outer; build the object again"),
        ("state", "2", "BTF.ext: access '2' leads out of enum state; build the object again"),
        ("outer", "0:x", "BTF.ext: access '0:x' is no path of indices"),
        ("outer", "", "BTF.ext: access '' is no path of indices"),
    ],
)
def test_accesses_that_lead_nowhere(types, name, path, message):
    btf, ids = types
    with pytest.raises(BtfError) as caught:
        access(btf, CoreRelo("xdp", 0, ids[name], path, "byte_off"))
    assert str(caught.value) == message
