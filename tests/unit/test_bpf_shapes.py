"""Types that are read and written otherwise than member by member: unions, records that end early or late."""

from __future__ import annotations

from enum import IntEnum

import pytest

from pytest_ebpf.bpf.lifetime import Lifetime
from pytest_ebpf.bpf.maps import MapMaker
from pytest_ebpf.errors import UsageError, ValueConversionError
from pytest_ebpf.objects import MapFacts
from pytest_ebpf.uapi import MapType
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import pack, unpack
from pytest_ebpf.values.named import record_type


@pytest.fixture
def u32(builder) -> int:
    return builder.int("__u32", 4)


class TestUnions:
    """What was read can be written; what says two things cannot."""

    @pytest.fixture
    def nested(self, builder, u32):
        """``struct { union { struct { union { a; b; }; c; }; d; }; }``."""
        pair = builder.struct("", 4, ("a", u32, 0), ("b", u32, 0), union=True)
        both = builder.struct("", 8, ("", pair, 0), ("c", u32, 32))
        either = builder.struct("", 8, ("", both, 0), ("d", builder.int("__u64", 8), 0), union=True)
        builder.struct("nested", 12, ("kind", u32, 0), ("", either, 32))
        return Values(builder.btf()).named("nested")

    def test_a_union_within_a_union_says_one_thing(self, nested):
        assert pack(nested, {"a": 1, "b": 1, "c": 2}, "") == bytes(4) + b"\1\0\0\0\2\0\0\0"
        with pytest.raises(ValueConversionError) as caught:
            pack(nested, {"a": 1, "b": 2}, "maps.m value")
        assert str(caught.value) == (
            'maps.m value: "a" and "b" share their bytes and say different things; give one of them'
        )
        with pytest.raises(ValueConversionError):
            pack(nested, {"c": 1, "d": 1}, "maps.m value")

    def test_members_of_different_places_do_not_disagree(self, nested):
        assert pack(nested, {"b": 1, "c": 2}, "") == bytes(4) + b"\1\0\0\0\2\0\0\0"

    def test_of_what_a_member_says_nothing_of_it_does_not_disagree(self, builder, u32):
        """Bits between bit fields, padding, and what follows the end of a text."""
        text = builder.array(builder.int("char", 1, signed=True), 4)
        flags = builder.bits("", 4, ("valid", u32, 0, 1), ("id", u32, 8, 16))
        padded = builder.struct("padded", 4, ("low", builder.int("__u8", 1), 0))
        builder.struct(
            "either", 4, ("text", text, 0), ("", flags, 0), ("raw", u32, 0), ("padded", padded, 0), union=True
        )
        either = Values(builder.btf()).named("union either")
        for data in (b"\xf5\x12\x34\x56", b"ab\0c", b"\0\0\0\0"):
            assert pack(either, unpack(either, data, ""), "") == data
        read = unpack(either, b"\xf5\x12\x34\x56", "")
        with pytest.raises(ValueConversionError):
            pack(either, read._replace(id=7), "")
        assert pack(either, {"id": 7, "valid": 1}, "") == b"\1\7\0\0"


class TestRecords:
    """Records of programs are as long as the programs make them."""

    @pytest.fixture
    def values(self, builder, u32):
        char = builder.int("char", 1, signed=True)
        short = builder.int("__be16", 2)
        builder.struct("line", 8, ("kind", u32, 0), ("text", builder.array(char, 0), 32))
        builder.struct("args", 24, ("kind", u32, 0), ("text", builder.array(char, 20), 32))
        tail = builder.struct("tail", 4, ("count", u32, 0), ("ports", builder.array(short, 0), 32))
        builder.struct("packet", 8, ("kind", u32, 0), ("tail", tail, 32))
        builder.struct("octets", 8, ("kind", u32, 0), ("data", builder.array(builder.int("__u8", 1), 0), 32))
        builder.struct("plain", 8, ("kind", u32, 0), ("count", u32, 32))
        builder.struct("empty", 0)
        return Values(builder.btf())

    @pytest.mark.parametrize(
        ("name", "rest", "read"),
        [
            ("line", b"hello", {"text": "hello"}),
            ("line", b"hello\0\xff\xff", {"text": "hello"}),
            ("line", b"", {"text": ""}),
            ("octets", b"\0\1\2", {"data": b"\0\1\2"}),
            ("packet", b"\2\0\0\0\1\0\2\0\3", {"tail": {"count": 2, "ports": [1, 2]}}),
        ],
    )
    def test_a_flexible_array_has_what_is_left(self, values, name, rest, read):
        codec = values.record(name)
        assert codec.decode(b"\7\0\0\0" + rest, 0) == {"kind": 7, **read}

    def test_as_part_of_a_map_it_has_nothing(self, values):
        assert unpack(values.named("line"), b"\7\0\0\0abcd", "") == {"kind": 7, "text": ""}

    def test_of_any_array_in_last_place_there_may_be_less(self, values):
        codec = values.record("args", short=True)
        assert codec.size == 4
        assert codec.decode(b"\7\0\0\0cat\0", 0) == {"kind": 7, "text": "cat"}
        assert codec.decode(b"\7\0\0\0" + b"x" * 20 + b"behind it", 0).text == "x" * 20
        assert values.record("args").size == 24

    @pytest.mark.parametrize("name", ["plain", "empty", "__u32"])
    def test_other_types_have_their_size(self, values, name):
        assert values.record(name, short=True) is values.named(name)

    def test_an_object_without_btf(self):
        with pytest.raises(ValueConversionError) as caught:
            record_type(None, "struct line", "maps.events")
        assert (
            str(caught.value) == 'maps.events: no type "struct line": the object has no BTF; compile with -g'
        )

    def test_what_is_no_type(self, values):
        with pytest.raises(UsageError) as caught:
            record_type(values, 5, "maps.events")
        assert str(caught.value) == "5 is no type; name one as in C, or give a class of the bindings"


class TestNames:
    """A struct, an enum and a typedef may have one name in C."""

    @pytest.fixture
    def values(self, builder, u32):
        builder.struct("event", 8, ("a", u32, 0), ("b", u32, 32))
        builder.enum("event", ("NONE", 0), size=1)
        builder.typedef("event", builder.int("__u16", 2))
        builder.struct("other", 4, ("a", u32, 0), union=True)
        return Values(builder.btf())

    def test_the_keyword_tells_which(self, values):
        sizes = [values.named(name).size for name in ("struct event", "enum event", "event", "union other")]
        assert sizes == [8, 1, 2, 4]

    def test_what_has_another_keyword_is_not_there(self, values):
        with pytest.raises(ValueConversionError) as caught:
            values.named("struct other")
        assert str(caught.value).startswith('the object has no type "struct other"; ')


class TestNumbers:
    """Integers, enums and floats that compilers rarely write."""

    def test_bit_fields_as_integers_of_few_bits(self, builder):
        """Structs without ``kind_flag``: ``unsigned int a : 3; int b : 5;``."""
        three = builder.add(1, "unsigned int", 4, 3)
        five = builder.add(1, "int", 4, 1 << 24 | 5)
        builder.struct("old", 4, ("a", three, 0), ("b", five, 3))
        old = Values(builder.btf()).named("old")
        assert unpack(old, pack(old, {"a": 5, "b": -3}, ""), "") == {"a": 5, "b": -3}
        assert pack(old, {"a": 5, "b": -3}, "") == bytes([5 | (-3 & 31) << 3, 0, 0, 0])

    def test_an_enum_of_a_small_typedef_with_negative_constants(self, builder):
        """``enum small : __s8``, which clang calls unsigned, with constants of 32 bits."""
        builder.enum("small", ("LOW", (1 << 32) - 3), ("HIGH", 5), size=1)
        small = Values(builder.btf()).named("small")
        assert unpack(small, pack(small, "LOW", ""), "") == unpack(small, b"\xfd", "") == -3
        assert pack(small, "HIGH", "") == b"\5"

    def test_only_char_is_text(self, builder):
        """``CHAR`` in an integer's encoding says nothing: no compiler uses it as others do."""
        char = builder.array(builder.int("char", 1), 2)
        unsigned = builder.array(builder.int("unsigned char", 1, encoding=2), 2)
        signed = builder.array(builder.int("signed char", 1, signed=True), 2)
        builder.struct("all", 6, ("a", char, 0), ("b", unsigned, 16), ("c", signed, 32))
        assert unpack(Values(builder.btf()).named("all"), b"xyxy\xff\1", "") == {
            "a": "xy",
            "b": b"xy",
            "c": [-1, 1],
        }

    def test_floats_that_python_has_not_are_bytes(self, builder, u32):
        wide = builder.add(16, "long double", 16)
        builder.struct("mixed", 32, ("a", wide, 0), ("b", u32, 128))
        assert unpack(Values(builder.btf()).named("mixed"), bytes(16) + b"\1" + bytes(15), "").b == 1

    def test_a_bit_field_of_an_enum_that_only_a_typedef_names(self, builder):
        class Mode(IntEnum):
            FAST = 1

        mode = builder.typedef("mode", builder.enum("", ("SLOW", 0), ("FAST", 1)))
        builder.bits("state", 4, ("mode", mode, 4, 2))
        state = Values(builder.btf(), {"mode": Mode}).named("state")
        assert unpack(state, b"\x10\0\0\0", "").mode is Mode.FAST


class TestKeysOfTries:
    """Of 8 or 20 bytes they are prefixes of addresses, unless BTF says that they are text."""

    @pytest.mark.parametrize(
        ("kind", "signed", "read"),
        [
            ("char", True, {"prefixlen": 16, "path": "/e"}),
            ("__u8", False, "2f65::/16"),
        ],
    )
    def test_by_the_type_of_what_is_behind_the_length(self, builder, u32, kind, signed, read):
        path = builder.array(builder.int(kind, 1, signed=signed), 16)
        key = builder.struct("key", 20, ("prefixlen", u32, 0), ("path", path, 32))
        nothing = {"records": {}, "programs": tuple, "maps": tuple, "lifetime": Lifetime("edge")}
        maker = MapMaker(None, Values(builder.btf()), "little", **nothing)
        facts = MapFacts("paths", MapType.LPM_TRIE, "lpm_trie", 20, 4, 8, 1, key=key, value=u32)
        answer = {"map": 1, "name": "paths", "type": 11, "key_size": 20, "value_size": 4, "max_entries": 8}
        made = maker.make({**answer, "flags": 1, "cpus": 0}, facts, None)
        data = b"\x10\0\0\0/e" + bytes(14)
        assert made._unpack_key(data) == read
        assert made._pack_key(read) == data


def test_a_map_that_libbpf_did_not_create():
    """``SEC("?.struct_ops")``: the agent has no handle of it."""
    nothing = {"records": {}, "programs": tuple, "maps": tuple, "lifetime": Lifetime("edge")}
    answer = {"map": None, "name": "ops", "type": MapType.STRUCT_OPS, "key_size": 4, "value_size": 8}
    answer |= {"max_entries": 1, "flags": 0, "cpus": 0}
    made = MapMaker(None, None, "little", **nothing).make(answer, None, None)
    assert not made.created
    with pytest.raises(UsageError) as caught:
        _ = made.handle
    assert str(caught.value) == 'maps.ops: was not created; drop the "?" of its section'


class TestDamage:
    """What no compiler writes."""

    @pytest.fixture
    def endless(self, builder, u32):
        """``struct node { struct node node; }``, and one whose nameless member is itself."""
        builder.struct("node", 8, ("node", u32 + 1, 0))
        builder.struct("nameless", 8, ("", u32 + 2, 0))
        return Values(builder.btf())

    @pytest.mark.parametrize("name", ["node", "nameless"])
    def test_a_struct_that_contains_itself(self, endless, name):
        for read in (endless.named, endless.record):
            with pytest.raises(ValueConversionError) as caught:
                read(name)
            assert (
                str(caught.value) == f"struct {name} contains itself; the object is damaged: build it again"
            )

    def test_a_member_behind_the_end(self, builder, u32):
        builder.struct("short", 4, ("a", u32, 0), ("b", u32, 32))
        with pytest.raises(ValueConversionError) as caught:
            Values(builder.btf()).named("short")
        assert str(caught.value) == (
            "short.b lies behind its end (4 bytes); the object is damaged: build it again"
        )
