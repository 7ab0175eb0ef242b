"""Raw BTF, encoded by hand: what is decoded, found, measured, and refused."""

from __future__ import annotations

import struct

import pytest
from effort import calls

from pytest_ebpf.btf import (
    Array,
    Btf,
    DataSec,
    DeclTag,
    Enum,
    Float,
    Func,
    FuncProto,
    Fwd,
    Int,
    Member,
    Modifier,
    Param,
    Ptr,
    Slot,
    Struct,
    Typedef,
    Var,
    Void,
)
from pytest_ebpf.errors import BtfError


def refusal(data: bytes) -> str:
    with pytest.raises(BtfError) as caught:
        Btf.parse(data)
    return str(caught.value)


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_kind_in_either_byte_order(builder, order):
    b = builder
    wanted = {
        0: Void(),
        b.int("int", 4, signed=True): Int("int", 4, 32, signed=True, char=False, boolean=False),
        b.int("bool", 1, encoding=4): Int("bool", 1, 8, signed=False, char=False, boolean=True),
        b.ptr(1): Ptr(1),
        b.array(1, 7): Array(1, 0, 7),
        b.struct("s", 8, ("a", 1, 0), ("", 1, 32)): Struct(
            "s", 8, is_union=False, members=(Member("a", 1, 0, 0), Member("", 1, 32, 0))
        ),
        b.struct("u", 4, ("a", 1, 0), union=True): Struct(
            "u", 4, is_union=True, members=(Member("a", 1, 0, 0),)
        ),
        b.bits("f", 4, ("x", 1, 3, 5)): Struct("f", 4, is_union=False, members=(Member("x", 1, 3, 5),)),
        b.enum("e", ("A", 1), ("B", 0xFFFFFFFF)): Enum("e", 4, False, (("A", 1), ("B", 0xFFFFFFFF))),
        b.enum("n", ("C", -1), signed=True): Enum("n", 4, True, (("C", -1),)),
        b.enum64("l", ("D", 1 << 40)): Enum("l", 8, False, (("D", 1 << 40),)),
        b.enum64("m", ("E", -2), signed=True): Enum("m", 8, True, (("E", -2),)),
        b.add(7, "later"): Fwd("later", is_union=False),
        b.add(7, "either", flag=True): Fwd("either", is_union=True),
        b.typedef("u32", 1): Typedef("u32", 1),
        b.add(9, "", 1): Modifier("volatile", 1),
        b.add(10, "", 1): Modifier("const", 1),
        b.add(11, "", 3): Modifier("restrict", 3),
        b.proto(1, ("x", 1), ("", 0)): FuncProto(1, (Param("x", 1), Param("", 0))),
        b.add(12, "main", 18, vlen=1): Func("main", 18, "global"),
        b.add(14, "count", 1, 0): Var("count", 1, "static"),
        b.add(15, ".data", 4, 20, 0, 4, vlen=1): DataSec(".data", 4, (Slot(20, 0, 4),)),
        b.add(16, "double", 8): Float("double", 8),
        b.add(17, "tag", 5, -1): DeclTag("tag", 5, -1),
        b.add(18, "user", 1): Modifier("type_tag", 1, "user"),
    }
    btf = Btf.parse(builder.data(order))
    assert {type_id: btf.type(type_id) for type_id in range(len(btf))} == wanted
    assert btf.little_endian is (order == "<")


def test_types_are_found_by_name_and_kind(builder):
    fwd = builder.add(7, "rule")
    first = builder.struct("rule", 0)
    second = builder.struct("rule", 0)
    alias = builder.typedef("rule", first)
    btf = builder.btf()
    assert btf.find("rule") == fwd
    assert btf.find("rule", Struct) == first
    assert btf.ids("rule", Struct, Typedef) == [first, second, alias]
    assert btf.find("rule", Enum) is None
    assert btf.find("other") is None
    assert list(btf.ids_of(Struct)) == [first, second]


def test_one_string_may_be_the_end_of_another(builder):
    """Linkers may share tails of the string table, so a name is an offset and nothing more."""
    builder.string("unsigned_rule")
    tail = builder.string("x") - len("rule") - 1
    builder.add(4)
    data = bytearray(builder.data())
    data[24:28] = tail.to_bytes(4, "little")
    btf = Btf.parse(bytes(data))
    assert btf.type(1).name == "rule"
    assert btf.find("rule", Struct) == 1


def test_sizes_are_in_bytes(builder):
    number = builder.int("int", 4)
    array = builder.array(number, 6)
    grid = builder.array(builder.typedef("row", builder.add(10, "", array)), 2)
    pointers = builder.array(builder.ptr(grid), 3)
    btf = builder.btf()
    assert [btf.size(each) for each in (number, array, grid, pointers)] == [4, 24, 48, 24]


def test_strip_goes_behind_names_and_qualifiers(builder):
    number = builder.int("int", 4)
    outer = builder.add(9, "", builder.typedef("a", builder.add(10, "", builder.typedef("b", number))))
    assert builder.btf().strip(outer) == number


def test_what_has_no_size(builder):
    proto = builder.proto(0)
    later = builder.add(7, "later")
    btf = builder.btf()
    for type_id, name in ((0, "void"), (proto, "void (void)"), (later, "struct later")):
        with pytest.raises(BtfError) as caught:
            btf.size(type_id)
        assert str(caught.value) == f"BTF: {name} has no size"


def test_circles_end(builder):
    builder.typedef("a", 2)
    builder.add(10, "", 1)
    builder.array(3, 2)
    builder.ptr(4)
    btf = builder.btf()
    for ask, type_id in ((btf.strip, 1), (btf.size, 1), (btf.size, 3), (btf.name, 3), (btf.name, 4)):
        with pytest.raises(BtfError, match=r"^BTF: type \d+ has no end; build the object again$"):
            ask(type_id)


def test_types_and_strings_that_are_not_there(builder):
    builder.ptr(9)
    builder.typedef("", 1)
    data = bytearray(builder.data())
    data[36:40] = (1000).to_bytes(4, "little")
    btf = Btf.parse(bytes(data))
    with pytest.raises(BtfError) as caught:
        btf.name(1)
    assert str(caught.value) == "BTF: no type 9 (3 types)"
    with pytest.raises(BtfError) as caught:
        btf.type(2)
    assert str(caught.value) == "BTF: string 1000 is past the end (1)"
    with pytest.raises(BtfError, match="no type -1"):
        btf.type(-1)


def test_data_that_is_no_btf():
    assert refusal(b"") == "BTF: no BTF data (begins with nothing, not 9f eb); compile with -g"
    assert refusal(b"\x7fELF") == "BTF: no BTF data (begins with 7f 45, not 9f eb); compile with -g"
    assert refusal(b"\x9f\xeb\1\0") == "BTF: header cut short (4 bytes); build the object again"


def test_malformed_sections(builder):
    builder.int("int", 4)
    data = builder.data()
    assert refusal(data[:-1]) == f"BTF: cut short ({len(data) - 1} bytes); build the object again"
    assert refusal(data[:2] + b"\2" + data[3:]) == "BTF: unknown version (2); only version 1 is known"
    opened, closed = data.replace(b"\0int\0", b"xint\0"), data[:-1] + b"x"
    for each in (opened, closed):
        assert refusal(each) == "BTF: string table not closed by zero bytes; build the object again"
    unknown = data[:31] + bytes([25]) + data[32:]
    assert refusal(unknown) == "BTF: type 1 is of unknown kind 25"
    halved = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, 4, 4, 1) + bytes(5)  # a type of one word
    for each in (data[:28] + b"\5\0\0\4" + data[32:], halved):
        assert refusal(each) == "BTF: type 1 is cut short; build the object again"


def test_a_header_may_be_longer_than_we_know(builder):
    builder.int("int", 4)
    data = builder.data()
    longer = data[:4] + struct.pack("<I", 32) + data[8:24] + bytes(8) + data[24:]
    assert Btf.parse(longer).find("int", Int) == 1


def test_types_are_indexed_at_a_call_each(builder):
    builder.int("int", 4)
    words = [0, 2 << 24, 1] * 100_000
    types = struct.pack(f"<{len(words)}I", *words)
    data = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), 1) + types + b"\0"
    assert len(Btf.parse(data)) == 100_001
    assert calls(lambda: Btf.parse(data)) < 110_000
