"""Values by BTF, against what clang itself wrote: tests/unit/data/bpf/values.bpf.c, in both byte orders."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_ebpf.btf import Btf, Func, FuncProto, Var
from pytest_ebpf.elf import Elf
from pytest_ebpf.errors import ValueConversionError
from pytest_ebpf.values import addresses, codec
from pytest_ebpf.values.by_btf import Values, bindings_of
from pytest_ebpf.values.codec import pack, unpack

DATA = Path(__file__).parent / "data" / "bpf"


class Action(IntEnum):
    PASS = 0
    DROP = 1
    ANSWER = 2

    __btf_name__: ClassVar[str] = "action"


Action.__btf_name__ = "action"


@dataclass(frozen=True)
class Rule:
    __btf_name__: ClassVar[str] = "rule"
    action: Action = Action.PASS
    hits: int = 0


class Sample:
    """One of the two objects: its variables' bytes, and the codecs of its types."""

    def __init__(self, order: str, bindings=None) -> None:
        self.elf = Elf.read((DATA / f"values.{order}.o").read_bytes())
        self.btf = Btf.parse(self.elf.section(".BTF").data)
        self.values = Values(self.btf, bindings)

    def codec(self, variable: str):
        return self.values.codec(self.btf.type(self.btf.find(variable, Var)).type_id)

    def bytes(self, variable: str) -> bytes:
        symbol = next(each for each in self.elf.symbols if each.name == variable)
        data = self.elf.sections[symbol.section_index].data
        return data[symbol.value : symbol.value + symbol.size]

    def read(self, variable: str):
        return unpack(self.codec(variable), self.bytes(variable), variable)

    def write(self, variable: str, value) -> bytes:
        return pack(self.codec(variable), value, variable)


@pytest.fixture(params=["le", "be"])
def sample(request):
    return Sample(request.param)


@pytest.fixture
def little():
    return Sample("le")


def message(sample, variable, value) -> str:
    with pytest.raises(ValueConversionError) as caught:
        sample.write(variable, value)
    return str(caught.value)


def test_numbers(sample):
    assert sample.read("numbers")._asdict() == {
        "a": 200,
        "b": -100,
        "c": 60000,
        "d": -30000,
        "e": 4_000_000_000,
        "f": -2_000_000_000,
        "g": 1 << 63,
        "h": -5,
        "i": 7 << 64 | 9,
        "j": True,
        "k": -1,
        "l": 0,
    }


def test_numbers_in_network_order_and_addresses_as_text(sample):
    assert sample.read("packet")._asdict() == {
        "port": 8080,
        "mark": 0x01020304,
        "cookie": 0x0102030405060708,
        "source": "10.1.2.3",
        "source6": "2001:db8::1",
        "from": "02:00:00:00:00:ff",
        "target": "127.0.0.1",
        "target6": "::1",
    }


def test_prefixes(sample):
    assert sample.read("keys") == {"v4": "10.0.0.0/8", "v6": "2001:db8::/32"}


def test_text_bytes_and_arrays(sample):
    text = sample.read("text")
    assert (text.name, text.digest, text.ports) == ("edge", b"\1\2\3\4", [1, 2, 3])
    assert text.rules == [{"action": 1, "hits": 1}, {"action": 0, "hits": 2}]
    assert text.grid == [[1, 2], [3, 4]]
    assert text.letter == ord("x")


def test_bit_fields(sample):
    assert sample.read("bits") == {
        "version": 4,
        "length": 1500,
        "delta": -7,
        "urgent": True,
        "action": 2,
        "wide": 0xABCDEF0123,
    }
    assert sample.read("bits").urgent is True


def test_a_lock_is_hidden(sample):
    assert sample.read("locked") == {"count": 6}
    assert unpack(sample.codec("locked"), sample.write("locked", {"count": 6}), "locked") == {"count": 6}
    assert sample.write("locked", {"count": 6})[:4] == bytes(4)


def test_members_of_unnamed_structs_and_unions_belong_to_the_struct_around_them(little):
    assert little.read("nested") == {
        "kind": 1,
        "handle": 0x0000000200000001,
        "low": 1,
        "high": 2,
        "left": 3,
        "right": 4,
        "number": {"whole": 0x01010101, "bytes": b"\1\1\1\1", "half": 0x0101},
    }


def test_typedef_of_an_unnamed_struct_floats_and_a_flexible_array(sample):
    outer = sample.read("outer")
    assert repr(outer) == "outer(where=point(x=1, y=4294967295), weight=1.5, share=0.25, tail=b'')"


@pytest.mark.parametrize(
    "variable", ["numbers", "packet", "keys", "text", "bits", "nested", "outer", "number", "rule"]
)
def test_what_is_read_can_be_written_again(sample, variable):
    assert sample.write(variable, sample.read(variable)) == sample.bytes(variable)


def test_a_whole_value_can_be_given_as_bytes(sample):
    assert sample.write("numbers", sample.bytes("numbers")) == sample.bytes("numbers")
    assert message(sample, "rule", b"abc") == ("rule: 3 bytes do not make rule; give exactly 16 bytes")


def test_fields_that_are_not_given_are_zero(sample):
    assert sample.write("rule", {}) == bytes(16)
    assert unpack(sample.codec("rule"), sample.write("rule", {"hits": 3}), "") == {"action": 0, "hits": 3}


def test_a_struct_with_a_binding_is_read_as_the_users_class():
    sample = Sample("le", bindings_of(globals()))
    assert sample.read("rule") == Rule(Action.DROP, 12)
    assert isinstance(sample.read("rule").action, Action)
    assert sample.read("bits").action is Action.ANSWER
    assert sample.write("rule", Rule(Action.DROP, 12)) == sample.bytes("rule")
    assert sample.read("text").rules == [Rule(Action.DROP, 1), Rule(Action.PASS, 2)]


def test_an_enum_without_such_a_constant_is_a_number():
    sample = Sample("le", bindings_of(globals()))
    assert unpack(sample.codec("rule"), sample.write("rule", {"action": 77}), "").action == 77


def test_bindings_are_found_by_the_name_they_carry():
    assert bindings_of(globals()) == {"action": Action, "rule": Rule}


def test_a_binding_that_no_longer_fits():
    @dataclass
    class Stale:
        action: int = 0
        misses: int = field(default=0)

    sample = Sample("le", {"rule": Stale})
    with pytest.raises(ValueConversionError) as caught:
        sample.codec("rule")
    assert str(caught.value) == (
        f"{__name__}.Stale: Stale and rule differ in hits, misses; make the bindings again (ebpf-build)"
    )


def test_enum_constants_are_taken_by_name(sample):
    assert unpack(sample.codec("rule"), sample.write("rule", {"action": "DROP"}), "").action == 1
    assert message(sample, "rule", {"action": "DORP"}) == (
        'rule.action: enum action has no constant "DORP"; did you mean "DROP"?'
    )
    assert message(sample, "bits", {"action": "x"}) == (
        'bits.action: enum action has no constant "x"; known: ANSWER, DROP, PASS'
    )


def test_types_by_name(sample):
    assert sample.values.named("rule") is sample.values.named("struct rule")
    assert sample.values.named("__u32").name == "u32"
    with pytest.raises(ValueConversionError) as caught:
        sample.values.named("event")
    assert str(caught.value) == (
        'the object has no type "event"; use it in the program, so that it is in its BTF'
    )
    with pytest.raises(ValueConversionError) as caught:
        sample.values.named("struct rul")
    assert str(caught.value) == 'the object has no type "struct rul"; did you mean "rule"?'


def test_a_type_without_a_value(sample):
    function = sample.btf.type(sample.btf.strip(sample.btf.type(sample.btf.find("function", Var)).type_id))
    assert isinstance(sample.btf.type(function.type_id), (Func, FuncProto))
    with pytest.raises(ValueConversionError) as caught:
        sample.values.codec(function.type_id)
    assert str(caught.value).endswith("has no value; declare a type that has one")


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("numbers", {"a": 300}, ".a: 300 does not fit u8 (0..255); give a number in that range"),
        ("numbers", {"b": -129}, ".b: -129 does not fit s8 (-128..127); give a number in that range"),
        (
            "numbers",
            {"i": -1},
            f".i: -1 does not fit u128 (0..{(1 << 128) - 1}); give a number in that range",
        ),
        ("numbers", {"i": "x"}, ".i: 'x' is no integer; u128 takes a number"),
        ("numbers", {"c": "60000"}, ".c: '60000' is no integer; u16 takes a number"),
        ("numbers", {"c": 1.5}, ".c: 1.5 is no integer; u16 takes a number"),
        ("numbers", {"j": 2}, ".j: 2 is no bool; give True or False"),
        ("bits", {"version": 16}, ".version: 16 does not fit u:4 (0..15); give a number in that range"),
        ("bits", {"delta": -17}, ".delta: -17 does not fit s:5 (-16..15); give a number in that range"),
        ("bits", {"delta": None}, ".delta: None is no integer; s:5 takes a number"),
        ("outer", {"weight": "heavy"}, ".weight: 'heavy' is no double; give a number"),
        ("outer", {"where": {"z": 1}}, '.where.z: point has no field "z"; known: x, y'),
        (
            "text",
            {"name": "much too long"},
            ".name: 13 bytes of text do not fit char[8]; give at most 8 bytes",
        ),
        ("text", {"name": 5}, ".name: 5 is no text for char[8]; give str or bytes"),
        ("text", {"digest": b"abc"}, ".digest: 3 bytes do not make u8[4]; give exactly 4 bytes"),
        ("text", {"digest": [1, 2, 3, 256]}, ".digest: [1, 2, 3, 256] is no u8[4]; give 4 bytes"),
        ("text", {"digest": 4}, ".digest: 4 is no u8[4]; give 4 bytes"),
        ("text", {"ports": [1, 2]}, ".ports: 2 elements do not make u16[3]; give a list of 3"),
        ("text", {"ports": 1}, ".ports: 1 is no u16[3]; give a list of 3"),
        (
            "text",
            {"rules": [{}, {"hits": -1}]},
            f".rules[1].hits: -1 does not fit u64 (0..{(1 << 64) - 1}); give a number in that range",
        ),
        ("rule", 7, ": 7 is no rule; give a mapping or a dataclass with action, hits"),
        ("packet", {"source": "10.1.2"}, '.source: "10.1.2" is no IPv4 address; write it like "10.0.0.1"'),
        ("packet", {"source6": "x"}, '.source6: "x" is no IPv6 address; write it like "2001:db8::1"'),
        (
            "packet",
            {"source": ipaddress.ip_address("::1")},
            '.source: ::1 is no IPv4 address; give one like "10.0.0.1"',
        ),
        (
            "packet",
            {"source": 5},
            '.source: 5 is no IPv4 address; give text like "10.0.0.1", or 4 bytes',
        ),
        (
            "packet",
            {"target": b"abc"},
            ".target: 3 bytes do not make an IPv4 address; give exactly 4 bytes",
        ),
        ("packet", {"from": "02:00"}, '.from: "02:00" is no MAC address; write it like "02:00:00:00:00:01"'),
        ("packet", {"from": b"ab"}, ".from: 2 bytes do not make a MAC address; give exactly 6 bytes"),
        ("keys", {"v4": "10.0.0.0/33"}, ".v4: '10.0.0.0/33' is no IPv4 prefix; write it like \"10.0.0.0/8\""),
        ("keys", {"v4": "::/0"}, '.v4: ::/0 is no IPv4 prefix; write it like "10.0.0.0/8"'),
        (
            "keys",
            {"v4": "10.1.2.3/8"},
            '.v4: "10.1.2.3/8" has bits set beyond its length; write "10.0.0.0/8"',
        ),
        ("keys", {"v6": 5}, '.v6: 5 is no IPv6 prefix; write it like "2001:db8::/32"'),
        ("keys", {"v6": b"abc"}, ".v6: 3 bytes do not make an IPv6 prefix; give exactly 20 bytes"),
    ],
)
def test_what_does_not_fit(sample, variable, value, text):
    expected = text.replace(".where.z: ", ".where: ")
    assert message(sample, variable, value) == variable + expected


def test_an_unknown_field_is_named_with_a_suggestion(sample):
    assert message(sample, "rule", {"acton": 1}) == (
        'rule: rule has no field "acton"; did you mean "action"?'
    )


def test_addresses_are_taken_in_every_usual_form(sample):
    values = [
        {"source": "10.1.2.3", "from": "02:00:00:00:00:FF"},
        {"source": ipaddress.ip_address("10.1.2.3"), "from": "02-00-00-00-00-ff"},
        {"source": b"\x0a\1\2\3", "from": b"\2\0\0\0\0\xff"},
    ]
    assert len({sample.write("packet", value) for value in values}) == 1


def test_prefixes_are_taken_in_every_usual_form(sample):
    forms = ["10.0.0.0/8", "10.0.0.0/255.0.0.0", ipaddress.ip_network("10.0.0.0/8")]
    assert len({sample.write("keys", {"v4": form}) for form in forms}) == 1
    alone = ["10.0.0.1", ipaddress.ip_address("10.0.0.1"), "10.0.0.1/32"]
    assert len({sample.write("keys", {"v4": form}) for form in alone}) == 1


def test_an_lpm_key_of_a_struct_of_the_users_is_taken_as_that_too():
    struct = Sample("le").values.named("ebpf_ipv4_prefix")
    key = addresses.prefix(8, "little", struct)
    assert pack(key, "10.0.0.0/8", "key") == b"\x08\0\0\0\x0a\0\0\0"
    other = addresses.prefix(8, "little", codec.raw(8, "little"))
    assert pack(other, 8, "key") == b"\x08\0\0\0\0\0\0\0"


@pytest.mark.parametrize(
    ("key", "read"),
    [
        (b"\x08\0\0\0\x0a\1\2\3", "10.0.0.0/8"),
        (b"\0\0\0\0\x0a\1\2\3", "0.0.0.0/0"),
        (b"\x20\0\0\0\x0a\1\2\3", "10.1.2.3/32"),
        (b"\x14\0\0\0" + bytes([0x20, 0x01, 0xFF]) * 5 + b"\1", "2001:f000::/20"),
    ],
)
def test_an_lpm_key_is_read_as_it_is_written(key, read):
    """A program may add a prefix with more bits set than its length says, which only a value tells."""
    codec_of_key = addresses.prefix(len(key), "little", codec.raw(len(key), "little"))
    assert unpack(codec_of_key, key, "") == read
    assert unpack(codec_of_key, pack(codec_of_key, read, ""), "") == read
    assert unpack(addresses.prefix(8, "little"), b"\x08\0\0\0\x0a\1\2\3", "") == "10.1.2.3/8"


def test_union_by_one_member(sample):
    assert sample.write("number", {"bytes": b"\1\2\3\4"}) == b"\1\2\3\4"
    assert sample.write("number", {"half": None, "whole": 0}) == bytes(4)
    assert sample.write("number", {}) == bytes(4)


def test_union_members_that_disagree(little):
    assert message(little, "number", {"whole": 1, "half": 2}) == (
        'number: "whole" and "half" share their bytes and say different things; give one of them'
    )
    assert message(little, "nested", {"handle": 5, "high": 1}).startswith('nested: "handle" and "high" share')
    assert message(little, "number", {"half": 70000}) == (
        "number.half: 70000 does not fit u16 (0..65535); give a number in that range"
    )


def test_the_wrong_number_of_bytes(sample):
    with pytest.raises(ValueConversionError) as caught:
        unpack(sample.codec("rule"), b"abc", "maps.rules value")
    assert str(caught.value) == (
        "maps.rules value: 3 bytes are no rule of 16; the object and its BTF disagree; build it again"
    )


def test_text_that_is_no_utf8_is_written_as_it_was_read():
    text = unpack(codec.text(4), b"a\xff\0z", "")
    assert repr(text) == "'a\\udcff'"
    assert pack(codec.text(4), text, "") == pack(codec.text(4), b"a\xff", "") == b"a\xff\0\0"
    with pytest.raises(ValueConversionError) as caught:
        pack(codec.text(4), "\ud800", "value")
    assert str(caught.value) == "value: '\\ud800' is no text for char[4]; give bytes"


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_without_btf_a_value_of_a_numbers_size_is_a_number(size):
    plain = codec.raw(size, "little")
    assert unpack(plain, b"\1" + bytes(size - 1), "") == 1
    assert pack(plain, 1, "") == pack(plain, b"\1" + bytes(size - 1), "")
    with pytest.raises(ValueConversionError):
        pack(plain, b"too many bytes", "value")


def test_without_btf_any_other_value_is_bytes():
    assert unpack(codec.raw(3, "little"), b"abc", "") == b"abc"
    with pytest.raises(ValueConversionError) as caught:
        pack(codec.raw(3, "little"), b"ab", "value")
    assert str(caught.value) == "value: 2 bytes do not make value of 3 bytes; give exactly 3 bytes"


@given(st.integers(0, (1 << 40) - 1), st.integers(-16, 15), st.integers(0, 4095))
def test_bit_fields_leave_each_other_alone(wide, delta, length):
    for order in ("le", "be"):
        values = SAMPLES[order]
        given_fields = {"wide": wide, "delta": delta, "length": length}
        read = unpack(values.codec("bits"), values.write("bits", given_fields), "")
        assert read == {**given_fields, "version": 0, "urgent": False, "action": 0}


SAMPLES = {order: Sample(order) for order in ("le", "be")}
