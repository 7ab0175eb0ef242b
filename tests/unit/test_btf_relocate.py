"""CO-RE relocations between two BTFs made by hand: what is found, what is missing, what is refused."""

from __future__ import annotations

import pytest

from pytest_ebpf.btf import Btf
from pytest_ebpf.btf.ext import CoreRelo
from pytest_ebpf.btf.relocate import Relocator, Resolution, resolve_all
from pytest_ebpf.errors import BtfError


@pytest.fixture
def kernel(builder):
    """The builder of the kernel's BTF; *builder* is that of the object's."""
    return type(builder)()


def relo(type_id: int, path: str = "0", kind: str = "byte_off") -> CoreRelo:
    return CoreRelo("xdp", 0, type_id, path, kind)


def resolve(builder, kernel, *relocation) -> Resolution:
    return Relocator(builder.btf(), kernel.btf()).resolve(relo(*relocation))


def refused(builder, kernel, *relocation) -> str:
    with pytest.raises(BtfError) as caught:
        resolve(builder, kernel, *relocation)
    return str(caught.value)


def number(builder, size: int = 4, *, signed: bool = False) -> int:
    return builder.int("int", size, signed=signed)


def test_a_field_has_moved_into_an_anonymous_union(builder, kernel):
    wanted = builder.struct("task___old", 8, ("pid", number(builder), 0))
    inner = kernel.struct("", 8, ("other", number(kernel), 0), ("pid", number(kernel), 32))
    union = kernel.struct("", 8, ("", inner, 0), union=True)
    kernel.struct("task", 16, ("first", number(kernel), 0), ("", union, 64))
    assert resolve(builder, kernel, wanted, "0:0") == Resolution(12)
    assert resolve(builder, kernel, wanted, "0:0", "field_exists") == Resolution(1)


def test_what_is_missing_is_said(builder, kernel):
    inner = builder.struct("inner", 4, ("x", number(builder), 0))
    field = builder.struct("task", 24, ("pid", number(builder), 0), ("in", builder.array(inner, 4), 64))
    unknown = builder.struct("nobody", 4, ("x", number(builder), 0))
    state = builder.enum("state", ("IDLE", 0), ("BUSY", 1))
    theirs = kernel.struct("inner", 4, ("y", number(kernel), 0))
    kernel.struct("task", 24, ("pid", kernel.ptr(0), 0), ("in", kernel.array(theirs, 2), 64))
    kernel.enum("state", ("IDLE", 0))
    for relocation, why in [
        ((unknown, "0:0"), "there is no struct nobody"),
        ((field, "0:0"), "pid of struct task is void *, not int"),
        ((field, "0:1:3:0"), "struct task has no in[3]"),
        ((field, "0:1:1:0"), "struct task has no in[1].x"),
        ((state, "1", "enumval_value"), "enum state has no BUSY"),
    ]:
        assert resolve(builder, kernel, *relocation) == Resolution(None, why)


def test_who_asks_gets_a_zero(builder, kernel):
    field = builder.struct("task", 4, ("pid", number(builder), 0))
    state = builder.enum("state", ("IDLE", 0))
    for kind in ("type_exists", "type_matches", "type_size", "target_type_id"):
        assert resolve(builder, kernel, field, "0", kind) == Resolution(0, "there is no struct task")
    assert resolve(builder, kernel, field, "0:0", "field_exists").value == 0
    assert resolve(builder, kernel, state, "0", "enumval_exists").value == 0
    assert resolve(builder, kernel, field, "0", "local_type_id") == Resolution(field)


def test_a_type_of_another_kind_is_none(builder, kernel):
    field = builder.struct("task", 4, ("pid", number(builder), 0))
    kernel.struct("task", 4, ("pid", number(kernel), 0), union=True)
    kernel.typedef("task", number(kernel))
    assert resolve(builder, kernel, field, "0:0").why == "there is no struct task"


def test_bit_fields_are_read_in_the_least_unit_that_holds_them(builder, kernel):
    wanted = builder.bits("skb", 8, ("flag", number(builder), 3, 2))
    kernel.bits("skb", 8, ("pad", number(kernel), 0, 30), ("flag", number(kernel), 30, 4))
    values = {
        kind: resolve(builder, kernel, wanted, "0:0", kind).value
        for kind in ("byte_off", "byte_sz", "lshift_u64", "rshift_u64", "signed")
    }
    assert values == {"byte_off": 0, "byte_sz": 8, "lshift_u64": 64 - 34, "rshift_u64": 60, "signed": 0}


def test_a_field_of_whole_bytes_is_shifted_by_its_size(builder, kernel):
    wanted = builder.struct("task", 4, ("pid", number(builder), 0))
    kernel.struct("task", 8, ("pid", number(kernel, 2), 32))
    for kind, value in [("byte_off", 4), ("byte_sz", 2), ("lshift_u64", 48), ("rshift_u64", 48)]:
        assert resolve(builder, kernel, wanted, "0:0", kind).value == value


@pytest.mark.parametrize(("order", "shift"), [("<", 64 - 5), (">", 32 + 3)])
def test_a_bit_field_is_shifted_by_its_byte_order(builder, kernel, order, shift):
    wanted = builder.bits("skb", 4, ("flag", number(builder), 3, 2))
    kernel.bits("skb", 8, ("flag", number(kernel), 35, 2))
    local, target = (Btf.parse(each.data(order)) for each in (builder, kernel))
    assert Relocator(local, target).resolve(relo(wanted, "0:0", "lshift_u64")).value == shift


def test_a_bit_field_that_no_load_holds(builder, kernel):
    wanted = builder.bits("skb", 16, ("flag", number(builder, 8), 3, 2))
    kernel.bits("skb", 16, ("flag", number(kernel, 8), 60, 8))
    for ours, theirs, type_id in [(builder, kernel, wanted), (kernel, builder, 2)]:
        assert refused(ours, theirs, type_id, "0:0") == (
            "BTF.ext: a bit field that no load of 8 bytes holds; build the object again"
        )


def test_another_size_fits_unsigned_numbers_only(builder, kernel):
    signed = number(builder, signed=True)
    wanted = builder.struct(
        "task", 12, ("x", builder.int("unsigned", 4), 0), ("y", signed, 32), ("z", signed, 64)
    )
    wide = kernel.int("long", 8, signed=True)
    same = number(kernel, signed=True)
    kernel.struct("task", 20, ("x", kernel.int("unsigned", 8), 0), ("y", wide, 64), ("z", same, 128))
    unsigned, signed, kept = (resolve(builder, kernel, wanted, path) for path in ("0:0", "0:1", "0:2"))
    assert kept == Resolution(16)
    assert (unsigned.value, unsigned.sizes, unsigned.refusal(accesses=True)) == (0, None, None)
    assert (signed.value, signed.sizes) == (8, (4, 8))
    assert signed.refusal(accesses=True) == "the field has 8 bytes instead of 4"
    assert signed.refusal(accesses=False) is None


def test_the_size_of_a_bit_field_does_not_count(builder, kernel):
    wanted = builder.bits("task", 4, ("flag", number(builder, signed=True), 3, 2))
    kernel.bits("task", 8, ("flag", number(kernel, 8, signed=True), 3, 2))
    assert resolve(builder, kernel, wanted, "0:0") == Resolution(0)


def test_a_field_too_far_for_a_load(builder, kernel):
    wanted = builder.struct("task", 4, ("x", builder.int("unsigned", 4), 0))
    kernel.struct("task", 40004, ("x", kernel.int("unsigned", 4), 40000 * 8))
    found = resolve(builder, kernel, wanted, "0:0")
    assert found.refusal(accesses=False) is None
    assert found.refusal(accesses=True) == "the field is too far from the start (40000 bytes)"
    assert resolve(builder, kernel, wanted, "0:0", "field_exists").refusal(accesses=False) is None


def test_types_that_disagree_are_refused(builder, kernel):
    wanted = builder.struct("task", 4, ("x", number(builder), 0))
    kernel.struct("task", 8, ("x", number(kernel), 0))
    kernel.struct("task___2", 8, ("x", number(kernel), 32))
    assert refused(builder, kernel, wanted, "0:0") == (
        "BTF.ext: CO-RE relocation of struct task::x is ambiguous (0, 4); build the object again"
    )


def test_types_that_agree_are_one(builder, kernel):
    wanted = builder.struct("task", 4, ("x", number(builder), 0))
    for _ in range(2):
        kernel.struct("task", 8, ("y", number(kernel), 0), ("x", number(kernel), 32))
    assert resolve(builder, kernel, wanted, "0:0").value == 4


def test_a_type_that_did_not_match_is_not_asked_again(builder, kernel):
    """As in libbpf, which keeps the candidates of a type that matched before."""
    wanted = builder.struct("task", 8, ("x", number(builder), 0), ("y", number(builder), 32))
    kernel.struct("task", 8, ("x", number(kernel), 0), ("y", number(kernel), 32))
    kernel.struct("task", 8, ("y", number(kernel), 0))
    local, target = builder.btf(), kernel.btf()
    ordered = [found for _, found in resolve_all(local, [relo(wanted, "0:0"), relo(wanted, "0:1")], target)]
    assert ordered == [Resolution(0), Resolution(4)]
    with pytest.raises(BtfError, match="ambiguous"):
        Relocator(local, target).resolve(relo(wanted, "0:1"))


def test_resolve_all_goes_on_after_an_error(builder, kernel):
    wanted = builder.struct("task", 4, ("x", number(builder), 0))
    kernel.struct("task", 4, ("x", number(kernel), 0))
    bad, good = resolve_all(builder.btf(), [relo(wanted, "0:9"), relo(wanted, "0:0")], kernel.btf())
    assert str(bad[1]) == "BTF.ext: access '0:9' leads out of struct task; build the object again"
    assert good[1] == Resolution(0)


def test_modules_are_looked_into_for_what_the_kernel_does_not_have(builder, kernel):
    first = builder.struct("task", 4, ("x", number(builder), 0))
    second = builder.struct("driver", 4, ("x", number(builder), 0))
    module = type(builder)()
    for each in (kernel, module):  # a module's types stand behind the kernel's
        each.struct("task", 8, ("y", number(each), 0), ("x", number(each), 32))
    module.struct("driver", 12, ("y", number(module, 8), 0), ("x", number(module), 64))
    module.struct("task", 16, ("x", number(module), 96))
    relocator = Relocator(builder.btf(), kernel.btf(), [module.btf()])
    assert relocator.resolve(relo(first, "0:0")).value == 4
    assert relocator.resolve(relo(second, "0:0")).value == 8


@pytest.mark.parametrize(
    ("value", "size", "expected"),
    [(5, 4, 5), (0xFFFFFFFF, 4, (1 << 64) - 1), (0xFFFFFFFF, 8, 0xFFFFFFFF), (-2, 8, (1 << 64) - 2)],
)
def test_enumerators_of_32_bits_are_extended_by_their_sign(builder, kernel, value, size, expected):
    wanted = builder.enum("e___mine", ("A___x", 0))
    (kernel.enum64 if size == 8 else kernel.enum)("e", ("Z", 7), ("A", value), signed=value < 0)
    assert resolve(builder, kernel, wanted, "0", "enumval_value").value == expected
    assert resolve(builder, kernel, wanted, "0", "enumval_exists").value == 1


def test_open_arrays(builder, kernel):
    wanted = builder.struct(
        "list", 4, ("n", number(builder), 0), ("item", builder.array(number(builder), 0), 32)
    )
    closed = builder.struct(
        "closed", 4, ("item", builder.array(number(builder), 0), 0), ("n", number(builder), 0)
    )
    kernel.struct("list", 4, ("n", number(kernel), 0), ("item", kernel.array(number(kernel), 0), 64))
    assert resolve(builder, kernel, wanted, "0:1:5").value == 8 + 20
    assert refused(builder, kernel, closed, "0:0:1") == (
        "BTF.ext: access '0:0:1' leads out of struct closed; build the object again"
    )


def test_matching_types(builder, kernel):
    """Members by name, kinds and sizes; behind a pointer the name is enough."""
    far = builder.struct("far", 4, ("gone", number(builder), 0))
    mode = builder.enum("mode", ("ON", 1))
    call = builder.proto(0, ("x", number(builder)), ("p", builder.ptr(far)))
    same = builder.struct(
        "same", 32, ("far", builder.ptr(far), 0), ("mode", mode, 64), ("call", builder.ptr(call), 128)
    )
    signs = builder.struct("signs", 4, ("x", number(builder), 0))
    counts = builder.struct("counts", 8, ("x", builder.array(number(builder), 2), 0))
    theirs = kernel.struct("far", 4)
    choice = kernel.enum("mode", ("OFF", 0), ("ON", 2))
    function = kernel.proto(0, ("", number(kernel)), ("", kernel.ptr(theirs)))
    kernel.struct(
        "same", 40, ("call", kernel.ptr(function), 0), ("mode", choice, 64), ("far", kernel.ptr(theirs), 128)
    )
    kernel.struct("signs", 4, ("x", number(kernel, signed=True), 0))
    kernel.struct("counts", 12, ("x", kernel.array(number(kernel), 3), 0))
    for type_id, expected in [(same, 1), (signs, 0), (counts, 0)]:
        assert resolve(builder, kernel, type_id, "0", "type_matches").value == expected
        assert resolve(builder, kernel, type_id, "0", "type_exists").value == 1
    assert resolve(builder, kernel, signs, "0", "type_matches").why == "struct signs is another"


@pytest.mark.parametrize(
    ("name", "path", "kind", "what"),
    [
        ("struct", "0:0:0", "byte_off", "access '0:0:0' leads out of struct task"),
        ("struct", "0:0", "type_size", "access '0:0' to a type as a whole"),
        ("struct", "0:0", "local_type_id", "access '0:0' to a type as a whole"),
        ("enum", "3", "enumval_value", "access '3' is no enumerator of enum mode"),
        ("struct", "0", "enumval_value", "access '0' is no enumerator of struct task"),
        ("array", "0:1:2", "byte_off", "access '0:1:2' leads out of struct rows"),
        ("array", "0:1:1", "signed", "signed of an element of an array"),
        ("struct", "0", "kind 99", "unknown CO-RE relocation (kind 99)"),
        ("anonymous", "0:0", "byte_off", "CO-RE relocation of a type without a name"),
    ],
)
def test_malformed_relocations(builder, kernel, name, path, kind, what):
    ids = {
        "struct": builder.struct("task", 4, ("x", number(builder), 0)),
        "enum": builder.enum("mode", ("ON", 1)),
        "array": builder.struct("rows", 8, ("n", 1, 0), ("x", builder.array(number(builder), 2), 0)),
        "anonymous": builder.struct("", 4, ("x", number(builder), 0)),
    }
    kernel.struct("rows", 8, ("x", kernel.array(number(kernel), 2), 0))
    assert refused(builder, kernel, ids[name], path, kind) == f"BTF.ext: {what}; build the object again"


@pytest.mark.parametrize("path", ["0:x", "0:-1", "", ":".join("0" * 65)])
def test_a_path_that_is_none(builder, kernel, path):
    wanted = builder.struct("task", 4, ("x", number(builder), 0))
    kernel.struct("task", 4, ("x", number(kernel), 0))
    assert refused(builder, kernel, wanted, path) == f"BTF.ext: access {path!r} is no path of indices"


def test_members_within_members_without_end(builder, kernel):
    """Each struct holds the one before twice, without a name: twice as many ways with every level."""
    wanted = builder.struct("deep", 4, ("x", number(builder), 0))
    inner = kernel.struct("", 4, ("other", number(kernel), 0))
    for _ in range(30):
        inner = kernel.struct("", 4, ("", inner, 0), ("", inner, 0))
    kernel.struct("deep", 4, ("", inner, 0))
    assert refused(builder, kernel, wanted, "0:0") == (
        "BTF: members nested without end; build the object again"
    )
    circle = type(builder)()
    circle.struct("deep", 4, ("", 2, 0))
    circle.struct("", 4, ("", 1, 0))
    assert refused(builder, circle, wanted, "0:0") == "BTF: a field lies deeper than 64 levels"


def test_functions_within_functions_without_end(builder, kernel):
    for each in (builder, kernel):
        proto = each.proto(0, ("x", 0))
        for _ in range(20):
            proto = each.proto(0, ("x", each.ptr(proto)), ("y", each.ptr(proto)))
        each.typedef("call", proto)
    call = builder.btf().find("call")
    for kind in ("type_exists", "type_matches"):
        assert refused(builder, kernel, call, "0", kind) == (
            "BTF: types nested without end; build the object again"
        )
