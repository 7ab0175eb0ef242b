"""Folding, instruction by instruction: what is followed, and what is both ways."""

from __future__ import annotations

import pytest
from codes import (
    ADD,
    AND,
    ARSH,
    DIV,
    DW,
    EXIT,
    JEQ,
    JGE,
    JGT,
    JLE,
    JLT,
    JNE,
    JSET,
    JSGE,
    JSGT,
    JSLE,
    JSLT,
    LSH,
    MOD,
    MOV,
    MUL,
    NEG,
    OR,
    RSH,
    SUB,
    XOR,
    Answers,
    B,
    H,
    W,
    alu,
    alu_x,
    helper,
    jump,
    jump_x,
    load,
    load_64,
    program,
    store,
    subprogram,
)
from folding import NOTHING, skipped

from pytest_ebpf.objects.instructions import Instruction
from pytest_ebpf.requirements import Kconfig, Ksym, reachable
from pytest_ebpf.requirements.constants import holds
from pytest_ebpf.requirements.model import DataAddress
from pytest_ebpf.requirements.reach import Effort


def folds(operation: int, left: int, right: int, expected: int | None, *, wide: bool = True) -> None:
    """Assert that ``left OP right`` is *expected*; None: not known."""
    before = [*load_64(2, left & (1 << 64) - 1), *load_64(3, right & (1 << 64) - 1)]
    sums = [alu_x(operation, 2, 3, wide=wide)]
    value = [*load_64(4, (expected or 0) & (1 << 64) - 1)]
    is_so = skipped(*before, *sums, *value, condition=jump_x(JEQ, 2, 4, 1))
    assert is_so is (None if expected is None else True)


BIG = 1 << 63


@pytest.mark.parametrize(
    ("operation", "left", "right", "wide", "half"),
    [
        (ADD, 5, 7, 12, 12),
        (ADD, -1, 1, 0, 0),
        (ADD, 0xFFFFFFFF, 1, 1 << 32, 0),
        (SUB, 3, 5, -2, 0xFFFFFFFE),
        (MUL, 1 << 31, 4, 1 << 33, 0),
        (OR, 0xF0, 0x0F, 0xFF, 0xFF),
        (AND, 0xF0F0, 0xFF, 0xF0, 0xF0),
        (XOR, 0xFF, 0x0F, 0xF0, 0xF0),
        (LSH, 1, 40, 1 << 40, None),
        (RSH, BIG, 63, 1, None),
        (RSH, -1, 4, (1 << 60) - 1, 0x0FFFFFFF),
        (ARSH, -16, 2, -4, 0xFFFFFFFC),
        (LSH, 1, 64, None, None),
        (DIV, 12, 3, None, None),
        (MOD, 12, 5, None, None),
        (NEG, 5, 0, None, None),
        (MOV, 1, -2, -2, 0xFFFFFFFE),
    ],
)
def test_arithmetic_as_every_verifier_does_it(operation, left, right, wide, half):
    folds(operation, left, right, wide)
    folds(operation, left, right, half, wide=False)


@pytest.mark.parametrize(
    ("operation", "left", "right", "wide", "half"),
    [
        (JEQ, 5, 5, True, True),
        (JEQ, 1 << 32, 0, False, True),
        (JNE, 5, 5, False, False),
        (JGT, -1, 1, True, True),
        (JGE, 5, 5, True, True),
        (JLT, -1, 1, False, False),
        (JLE, 5, 4, False, False),
        (JSGT, -1, 1, False, False),
        (JSGE, 0, -1, True, True),
        (JSLT, -5, -4, True, True),
        (JSLE, 0x80000000, 0, False, True),
        (JSET, 6, 2, True, True),
        (JSET, 6, 1, False, False),
    ],
)
def test_conditions(operation, left, right, wide, half):
    before = [*load_64(2, left & (1 << 64) - 1), *load_64(3, right & (1 << 64) - 1)]
    assert skipped(*before, condition=jump_x(operation, 2, 3, 1)) is wide
    assert skipped(*before, condition=jump_x(operation, 2, 3, 1, wide=False)) is half


def test_arguments_are_not_known():
    assert skipped(condition=jump(JEQ, 1, 0, 1)) is None
    assert skipped(alu(MOV, 2, 5), alu_x(ADD, 2, 1), condition=jump(JEQ, 2, 5, 1)) is None


def test_a_call_takes_what_is_in_its_registers():
    held = [alu(MOV, number, 1) for number in range(10)]
    for number in range(10):
        said = skipped(*held, helper(5), condition=jump(JEQ, number, 1, 1))
        assert said is (True if number > 5 else None)


@pytest.mark.parametrize("kind", ["field_exists", "type_size", "enumval_value", "byte_sz"])
def test_relocations_have_the_kernel_s_value(kind):
    before = [alu(MOV, 2, 77)]
    for oracle, expected in [
        (Answers({kind: 1}), True),
        (Answers({kind: 0}), False),
        (NOTHING, None),
    ]:
        said = skipped(*before, condition=jump(JEQ, 2, 1, 1), oracle=oracle, relocations={0: kind})
        assert said is expected


def test_a_relocated_number_has_its_sign():
    oracle, relocations = Answers({"enumval_value": 0xFFFFFFFE}), {0: "enumval_value"}
    for expected, said in [(-2, True), (0x7FFFFFFE, False)]:
        condition = jump(JEQ, 2, expected, 1)
        assert skipped(alu(MOV, 2, 77), condition=condition, oracle=oracle, relocations=relocations) is said


def test_a_relocated_number_of_64_bits():
    before = load_64(2, 5)
    oracle = Answers({"enumval_value": 1 << 40})
    said = skipped(
        *before,
        *load_64(3, 1 << 40),
        condition=jump_x(JEQ, 2, 3, 1),
        oracle=oracle,
        relocations={0: "enumval_value"},
    )
    assert said is True


@pytest.mark.parametrize("kind", ["byte_off", "target_type_id", "local_type_id"])
def test_what_is_seldom_a_condition_is_looked_at_closely_only(kind):
    before, condition = [alu(MOV, 2, 77)], jump(JEQ, 2, 5, 1)
    for effort, expected in [(Effort.JOINED, None), (Effort.APART, True), (Effort.KEEN, True)]:
        oracle = Answers({kind: 5})
        said = skipped(*before, condition=condition, oracle=oracle, effort=effort, relocations={0: kind})
        assert said is expected


def test_a_symbol_that_is_missing_is_null():
    typed, plain = Ksym("a", 3, is_function=False, weak=True), Ksym("a", 0, is_function=False, weak=True)
    kfunc = Ksym("a", 3, is_function=True, weak=True)
    for condition in (jump(JEQ, 2, 5, 1), jump(JGT, 2, 0, 1), jump(JEQ, 2, 0, 1, wide=False)):
        oracle = Answers(symbols={"a": True})
        assert skipped(*load_64(2), condition=condition, oracle=oracle, addresses={0: kfunc}) is None
    for symbol, there, expected in [
        (typed, False, True),
        (typed, True, None),  # a pointer that old verifiers take for one that may be null
        (plain, False, True),
        (plain, True, False),
        (typed, None, None),
        (kfunc, False, True),
        (kfunc, True, False),
    ]:
        oracle = Answers(symbols={} if there is None else {"a": there})
        said = skipped(*load_64(2), condition=jump(JEQ, 2, 0, 1), oracle=oracle, addresses={0: symbol})
        assert said is expected


RODATA = bytes([1, 2, 3, 4, 0xF5, 0xFF, 0xFF, 0xFF, 9, 0, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("size", "offset", "expected"),
    [(B, 1, 2), (H, 2, 0x0403), (W, 4, 0xFFFFFFF5), (DW, 8, 9), (W, 14, None), (B, -1, None)],
)
def test_read_only_data(size, offset, expected):
    before = [*load_64(2), alu(ADD, 2, 4), load(size, 3, 2, offset - 4), *load_64(4, expected or 0)]
    parts = {"addresses": {0: DataAddress(".rodata", 0)}, "rodata": RODATA}
    said = skipped(*before, condition=jump_x(JEQ, 3, 4, 1), **parts)
    assert said is (None if expected is None else True)


def test_sign_extended_loads_and_moves():
    before = [*load_64(2), Instruction(0x81, 3, 2, 4, 0)]  # r3 = *(s32 *)(r2 + 4)
    parts = {"addresses": {0: DataAddress(".rodata", 0)}, "rodata": RODATA}
    assert skipped(*before, condition=jump(JEQ, 3, -11, 1), **parts) is True
    moved = [alu(MOV, 2, 0xF5), Instruction(0xBF, 3, 2, 8, 0)]  # r3 = (s8)r2
    assert skipped(*moved, condition=jump(JEQ, 3, -11, 1)) is True
    cast = [alu(MOV, 2, 5), Instruction(0xBF, 3, 2, 1, 1)]  # addr_space_cast
    assert skipped(*cast, condition=jump(JEQ, 3, 5, 1)) is None


def test_what_the_loader_puts_into_read_only_data():
    before = [*load_64(2), load(B, 3, 2, 0)]
    body = program(
        [*before, jump(JEQ, 3, 1, 1), helper(7), EXIT],
        addresses={0: DataAddress(".rodata", 0)},
        rodata=RODATA,
    )
    assert 4 not in reachable(body, NOTHING)
    assert 4 in reachable(body, NOTHING, {".rodata": b"\2"})
    assert 4 in reachable(body, NOTHING, {})


OPTION = Kconfig("CONFIG_X", "bool", 1, weak=True)


@pytest.mark.parametrize(
    ("option", "oracle", "expected"),
    [
        (OPTION, Answers(options={"CONFIG_X": "y"}), 1),
        (OPTION, Answers(options={"CONFIG_X": "n"}), 0),
        (OPTION, Answers(options={"CONFIG_X": ""}), 0),
        (OPTION, Answers(options={"CONFIG_X": "m"}), None),
        (OPTION, NOTHING, None),
        (Kconfig("CONFIG_X", "tristate", 4, weak=True), Answers(options={"CONFIG_X": "m"}), 2),
        (Kconfig("CONFIG_X", "char", 1, weak=True), Answers(options={"CONFIG_X": "m"}), ord("m")),
        (Kconfig("CONFIG_X", "int", 8, weak=True), Answers(options={"CONFIG_X": "0x10"}), 16),
        (Kconfig("CONFIG_X", "int", 8, weak=True), Answers(options={"CONFIG_X": "much"}), None),
        (Kconfig("CONFIG_X", "int", 4, weak=True), Answers(options={"CONFIG_X": "-5"}), 0xFFFFFFFB),
        (Kconfig("CONFIG_X", "string", 9, weak=True), Answers(options={"CONFIG_X": '"abc"'}), 0x636261),
        (Kconfig("LINUX_KERNEL_VERSION", "int", 4, weak=False), Answers(version=0x60100), 0x60100),
        (Kconfig("LINUX_KERNEL_VERSION", "int", 4, weak=False), NOTHING, None),
    ],
)
def test_options(option, oracle, expected):
    size = {1: B, 4: W, 8: DW, 9: DW}[option.size]
    before = [*load_64(2), load(size, 3, 2, 0)]
    condition = jump(JEQ, 3, expected or 0, 1)
    said = skipped(*before, condition=condition, oracle=oracle, addresses={0: option})
    assert said is (None if expected is None else True)


@pytest.mark.parametrize(
    ("shape", "size", "held", "others"),
    [
        ("bool", 1, ["y", "n"], ["m", "5", '"text"']),
        ("tristate", 4, ["y", "m", "n"], ["5", '"text"']),
        ("char", 1, ["y", "m", "200", "-128"], ["256", '"text"']),
        ("int", 2, ["0xFFFF", "-32768"], ["y", "65536", "-32769", "much", '"text"']),
        ("string", 8, ['"text"', '""'], ["y", "5"]),
    ],
)
def test_what_an_option_may_be_declared_as(shape, size, held, others):
    option = Kconfig("CONFIG_X", shape, size, weak=False)
    assert [each for each in (*held, *others) if holds(option, each)] == held


SPILLED = [alu(MOV, 2, 5), store(DW, 10, -16, 2)]


def restored(*between: Instruction, **parts) -> bool:
    """Whether a spilled number is known again after *between*."""
    condition = jump(JEQ, 3, 5, 1)
    return skipped(*SPILLED, *between, load(DW, 3, 10, -16), condition=condition, **parts) is True


def test_spilled_registers():
    assert restored()
    assert restored(helper(5))
    for beside in (-24, -8):
        assert restored(store(DW, 10, beside, 1))
    assert not restored(store(DW, 10, -16, 1))
    assert not restored(store(B, 10, -9, 1))
    assert not restored(store(DW, 10, -8, 1), relocations={2: "byte_off"})
    assert not restored(subprogram(), store(B, 1, 0, 1), alu_x(MOV, 1, 10), store(DW, 1, 0, 10))


@pytest.mark.parametrize(
    ("kept", "read", "expected", "all_kernels"),
    [
        (store(W, 10, -16, 2), load(W, 3, 10, -16), 0x89ABCDEF, False),
        (store(DW, 10, -20, 2), load(DW, 3, 10, -20), 0x123456789ABCDEF, False),
        (store(DW, 10, -16, 2), load(W, 3, 10, -16), 0x89ABCDEF, False),
        (store(DW, 10, -16, 2), load(W, 3, 10, -12), 0x1234567, False),
        (store(DW, 10, -16, 2), load(B, 3, 10, -15), 0xCD, False),
        (store(DW, 10, -16, 2), Instruction(0x91, 3, 10, -15, 0), 0xCD - 256, False),
        (Instruction(0x7A, 10, 0, -16, 5), load(DW, 3, 10, -16), 5, False),  # *(u64 *)(r10 - 16) = 5
        (store(B, 10, -13, 4), load(B, 3, 10, -13), 0, True),
        (store(W, 10, -12, 4), Instruction(0x81, 3, 10, -12, 0), 0, True),
        (store(W, 10, -12, 4), load(B, 3, 10, -12), 0, False),
    ],
)
def test_parts_of_the_frame(kept, read, expected, all_kernels):
    before = [*load_64(2, 0x123456789ABCDEF), alu(MOV, 4, 0), kept, helper(5), read]
    for effort in Effort:
        said = skipped(*before, *load_64(4, expected % 2**64), condition=jump_x(JEQ, 3, 4, 1), effort=effort)
        assert said is (True if all_kernels or effort is Effort.KEEN else None)
    gone = [*before[:-1], store(B, 10, read.offset, 1), read]
    assert skipped(*gone, *load_64(4, 0), condition=jump_x(JEQ, 3, 4, 1), effort=Effort.APART) is None


@pytest.mark.parametrize("offset", [-20, -15, -12])
def test_what_is_read_beside_what_was_stored_is_not_known(offset):
    before = [*load_64(2, 5), store(DW, 10, -16, 2), load(DW, 3, 10, offset)]
    for effort in Effort:
        for condition in (jump(JEQ, 3, 5, 1), jump(JEQ, 3, 0, 1)):
            assert skipped(*before, condition=condition, effort=effort) is None


@pytest.mark.parametrize(
    ("between", "kept"),
    [
        # The address of what lies above a spilled register is given to a helper.
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), helper(5)], True),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), store(DW, 2, 0, 1)], True),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -24), helper(5)], False),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -24), store(DW, 2, 0, 1)], False),
        # Whoever makes addresses in other ways, or writes below them, may write anywhere.
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), store(DW, 2, -8, 1)], False),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), Instruction(0x7A, 2, 0, -8, 9)], False),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), load(DW, 1, 2, -8)], True),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), alu(ADD, 2, -16), helper(5)], False),
        ([alu_x(MOV, 2, 10), alu(SUB, 2, 24), helper(5)], False),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), alu_x(ADD, 2, 3), helper(5)], False),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), store(DW, 10, -8, 2), helper(5)], False),
        ([store(DW, 10, -8, 10), helper(5)], False),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), alu_x(MOV, 6, 2), alu(ADD, 6, 4), helper(5)], True),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), alu_x(MOV, 6, 2), alu(ADD, 6, -4), helper(5)], False),
        ([alu_x(ADD, 2, 10), helper(5)], False),
        ([alu(ADD, 2, -24), helper(5)], True),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), alu_x(ADD, 4, 5), helper(5)], True),
        # The register has something else by then.
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), load(DW, 2, 1, 0), alu(SUB, 2, 24), helper(5)], True),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), alu(MOV, 2, 24), alu(SUB, 2, 24), helper(5)], True),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), helper(5), alu(SUB, 2, 24), helper(5)], True),
    ],
)
def test_who_else_may_write_to_the_frame(between, kept):
    assert restored(*between) is kept


def test_what_a_subprogram_does_to_the_frame_is_not_known():
    given = [alu_x(MOV, 1, 10), alu(ADD, 1, -8), subprogram(), load(DW, 3, 10, -16), jump(JEQ, 3, 5, 1)]
    body = [*SPILLED, *given, helper(7), EXIT]
    assert 7 in reachable(program(body, [EXIT], calls={4: 1}), NOTHING)


def test_atomics_take_what_they_change():
    exchanged = [alu(MOV, 2, 5), alu(MOV, 0, 6), Instruction(0xDB, 10, 2, -8, 0xE1)]
    assert skipped(*exchanged, condition=jump(JEQ, 2, 5, 1)) is None
    assert skipped(*exchanged, condition=jump(JEQ, 0, 6, 1)) is None
    assert not restored(Instruction(0xDB, 10, 4, -16, 0x01))
