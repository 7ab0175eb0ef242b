"""Folding, instruction by instruction: what is followed, and what is both ways."""

from __future__ import annotations

import random
import time

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
    goto,
    helper,
    jump,
    jump_x,
    load,
    load_64,
    program,
    store,
    subprogram,
)

from pytest_ebpf.objects.instructions import Instruction
from pytest_ebpf.requirements import Kconfig, Ksym, reachable
from pytest_ebpf.requirements.model import DataAddress
from pytest_ebpf.requirements.reach import Effort

NOTHING = Answers()
GUARDED = 7  # a helper behind a branch


def skipped(
    *before: Instruction,
    condition: Instruction,
    oracle: Answers = NOTHING,
    effort: Effort = Effort.JOINED,
    **parts,
) -> bool | None:
    """Whether *condition*, which skips one instruction, is always true or never; None: both ways."""
    body = [*before, condition, helper(GUARDED), goto(0), EXIT]
    found = reachable(program(body, **parts), oracle, effort=effort)
    at = len(before)
    if at + 1 not in found:
        return True
    # The other way is told by a jump of its own.
    far = [*before, condition._replace(offset=2), helper(GUARDED), EXIT, helper(GUARDED), EXIT]
    return None if at + 3 in reachable(program(far, **parts), oracle, effort=effort) else False


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


SPILLED = [alu(MOV, 2, 5), store(DW, 10, -16, 2)]


def restored(*between: Instruction) -> bool:
    """Whether a spilled number is known again after *between*."""
    condition = jump(JEQ, 3, 5, 1)
    return skipped(*SPILLED, *between, load(DW, 3, 10, -16), condition=condition) is True


def test_spilled_registers():
    assert restored()
    assert restored(helper(5))
    assert restored(store(DW, 10, -8, 1))
    assert not restored(store(DW, 10, -16, 1))
    assert not restored(store(B, 10, -9, 1))
    assert not restored(subprogram(), store(B, 1, 0, 1), alu_x(MOV, 1, 10), store(DW, 1, 0, 10))


@pytest.mark.parametrize(
    ("kept", "read", "expected", "all_kernels"),
    [
        (store(W, 10, -16, 2), load(W, 3, 10, -16), 0x89ABCDEF, False),
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


@pytest.mark.parametrize(
    ("between", "kept"),
    [
        # The address of what lies above a spilled register is given to a helper.
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), helper(5)], True),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), store(DW, 2, 0, 1)], True),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -24), helper(5)], False),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -24), store(DW, 2, 0, 1)], False),
        # Whoever makes addresses in other ways may write anywhere.
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), alu(ADD, 2, -16), helper(5)], False),
        ([alu_x(MOV, 2, 10), alu(SUB, 2, 24), helper(5)], False),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), alu_x(ADD, 2, 3), helper(5)], False),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), store(DW, 10, -8, 2), helper(5)], False),
        ([store(DW, 10, -8, 10), helper(5)], False),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), alu_x(MOV, 6, 2), alu(ADD, 6, 4), helper(5)], True),
        ([alu_x(MOV, 2, 10), alu(ADD, 2, -8), alu_x(MOV, 6, 2), alu(ADD, 6, -4), helper(5)], False),
        ([alu_x(ADD, 2, 10), helper(5)], False),
        ([alu(ADD, 2, -24), helper(5)], True),
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


def test_paths_that_meet_keep_what_they_agree_on():
    meet = [jump(JEQ, 1, 0, 3), alu(MOV, 2, 5), alu(MOV, 3, 1), goto(2), alu(MOV, 2, 5), alu(MOV, 3, 2)]
    assert skipped(*meet, condition=jump(JEQ, 2, 5, 1)) is True
    assert skipped(*meet, condition=jump(JEQ, 3, 1, 1)) is None


def test_paths_are_kept_apart_where_they_meet():
    meet = [jump(JEQ, 1, 0, 2), alu(MOV, 3, 1), goto(1), alu(MOV, 3, 2)]
    for effort, expected in [(Effort.JOINED, None), (Effort.APART, False), (Effort.KEEN, False)]:
        assert skipped(*meet, condition=jump(JEQ, 3, 5, 1), effort=effort) is expected


def test_what_proved_equal_is_known():
    number = [load(W, 2, 1, 0)]
    equal = [*number, jump(JEQ, 2, 7, 1), alu(MOV, 2, 7)]
    assert skipped(*equal, condition=jump(JEQ, 2, 7, 1)) is True
    unequal = [*number, alu(MOV, 4, 7), jump_x(JNE, 4, 2, 1), goto(1), alu(MOV, 2, 7)]
    assert skipped(*unequal, condition=jump(JEQ, 2, 7, 1), effort=Effort.APART) is True
    # Of 32 bits that are equal the upper half is not known.
    halves = [*number, alu(MOV, 3, 0), jump(JNE, 2, 7, 1, wide=False), alu_x(MOV, 3, 2)]
    narrow = [*halves, alu(ADD, 3, 1, wide=False)]
    assert skipped(*narrow, condition=jump(JGT, 3, 8, 1), effort=Effort.APART) is False
    assert skipped(*halves, condition=jump(JGT, 3, 7, 1), effort=Effort.APART) is None
    assert skipped(*halves, condition=jump(JGT, 3, 7, 1, wide=False), effort=Effort.APART) is False


def test_loops_are_walked_round_by_round():
    loop = [alu(MOV, 2, 0), alu(ADD, 2, 1), jump(JLT, 2, 100, -2)]
    for effort, expected in [(Effort.JOINED, None), (Effort.APART, True)]:
        assert skipped(*loop, condition=jump(JEQ, 2, 100, 1), effort=effort) is expected
    long = [alu(MOV, 2, 0), alu(ADD, 2, 1), jump(JLT, 2, 1000, -2)]
    assert skipped(*long, condition=jump(JEQ, 2, 1000, 1), effort=Effort.APART) is None


@pytest.mark.parametrize(
    ("operation", "left", "right", "wide", "half"),
    [
        (DIV, 12, 5, 2, 2),
        (DIV, -1, 2, (1 << 63) - 1, (1 << 31) - 1),
        (DIV, 12, 0, 0, 0),
        (MOD, 12, 5, 2, 2),
        (MOD, 12, 0, 12, 12),
        (NEG, 5, 0, -5, 0xFFFFFFFB),
    ],
)
def test_arithmetic_that_some_verifiers_follow(operation, left, right, wide, half):
    for is_wide, expected in [(True, wide), (False, half)]:
        sums = [*load_64(2, left % 2**64), *load_64(3, right), alu_x(operation, 2, 3, wide=is_wide)]
        condition = jump_x(JEQ, 2, 4, 1)
        for effort, said in [(Effort.APART, None), (Effort.KEEN, True)]:
            assert skipped(*sums, *load_64(4, expected % 2**64), condition=condition, effort=effort) is said


@pytest.mark.parametrize(
    ("code", "bits", "expected"),
    [
        (0xDC, 16, 0x2211),
        (0xD4, 16, 0x1122),
        (0xD7, 32, 0x22110000),
        (0xDC, 64, 0x2211 << 48),
        (0xDC, 8, None),
    ],
)
def test_swapped_bytes(code, bits, expected):
    swapped = [*load_64(2, 0x1122), Instruction(code, 2, 0, 0, bits), *load_64(4, expected or 0)]
    condition = jump_x(JEQ, 2, 4, 1)
    assert skipped(*swapped, condition=condition, effort=Effort.APART) is None
    assert skipped(*swapped, condition=condition, effort=Effort.KEEN) is (None if expected is None else True)


def test_a_path_that_is_never_taken_does_not_count_where_paths_meet():
    before = [alu(MOV, 4, 0), jump(JEQ, 4, 0, 2), alu(MOV, 2, 9), goto(1), alu(MOV, 2, 5)]
    assert skipped(*before, condition=jump(JEQ, 2, 5, 1)) is True


def test_a_loop_is_walked_until_nothing_changes():
    # r2 counts, r3 stays; behind the loop only r3 is known.
    loop = [alu(MOV, 2, 0), alu(MOV, 3, 8), alu(ADD, 2, 1), jump(JLT, 2, 100, -2)]
    assert skipped(*loop, condition=jump(JEQ, 3, 8, 1)) is True
    assert skipped(*loop, condition=jump(JEQ, 2, 100, 1)) is None


def test_functions_are_reached_by_calls_and_callbacks():
    main = [alu(MOV, 2, 0), jump(JEQ, 2, 0, 1), subprogram(), subprogram(), EXIT]
    body = program(main, [helper(1), EXIT], [helper(2), EXIT], calls={2: 1, 3: 2})
    assert reachable(body, NOTHING) == {0, 1, 3, 4, 7, 8}
    taken = program([*load_64(2), EXIT], [helper(1), EXIT], calls={0: 1}, addresses={0: None}, callbacks=True)
    assert reachable(taken, NOTHING) == {0, 1, 2, 3, 4}


def guarded(register: int) -> list[Instruction]:
    """A function that comes to its third instruction if the register is not 0, and returns it."""
    return [jump(JEQ, register, 0, 2), alu_x(MOV, 0, register), helper(1), alu_x(MOV, 0, register), EXIT]


def test_arguments_are_followed_into_functions():
    twice = [alu(MOV, 2, 0), subprogram(), alu(MOV, 2, 5), subprogram(), EXIT]
    for body, expected in [
        (program([alu(MOV, 2, 0), subprogram(), EXIT], guarded(2), calls={1: 1}), False),
        (program([subprogram(), EXIT], guarded(2), calls={0: 1}), True),
        (program(twice, guarded(2), calls={1: 1, 3: 1}), True),
    ]:
        third = len(body.code.instructions) - 3
        assert third in reachable(body, NOTHING)
        assert (third in reachable(body, NOTHING, effort=Effort.APART)) is expected


def test_results_are_followed_out_of_functions():
    main = [alu(MOV, 2, 0), subprogram(), jump(JEQ, 0, 0, 1), helper(GUARDED), EXIT]
    static, known = program(main, guarded(2), calls={1: 1}), {Effort.APART, Effort.KEEN}
    for effort in Effort:
        assert (3 in reachable(static, NOTHING, effort=effort)) is (effort not in known)
    for changed in (
        program(main, guarded(3), calls={1: 1}),
        program(main, guarded(2), calls={1: 1}, global_functions=True),
        program([*load_64(2), *main[1:]], guarded(2), calls={0: 1}, callbacks=True),
    ):
        assert 3 in reachable(changed, NOTHING, effort=Effort.APART)


def test_functions_that_call_themselves_have_an_answer():
    main = [alu(MOV, 2, 0), subprogram(), jump(JEQ, 0, 0, 1), helper(GUARDED), EXIT]
    around = [alu(ADD, 2, 1), subprogram(), EXIT]
    assert 3 in reachable(program(main, around, calls={1: 1, 6: 1}), NOTHING, effort=Effort.APART)


def test_global_functions_are_verified_without_a_call_before_6_8():
    main = [alu(MOV, 2, 0), jump(JEQ, 2, 0, 1), subprogram(), EXIT]
    for version, expected in [(0x60700, True), (None, True), (0x60800, False), (0x70000, False)]:
        body = program(main, [helper(1), EXIT], calls={2: 1}, global_functions=True)
        assert (4 in reachable(body, Answers(version=version))) is expected


def test_jumps_of_every_kind():
    long = program([Instruction(0x06, 0, 0, 0, 1), helper(1), EXIT])
    assert reachable(long, NOTHING) == {0, 2}
    may = program([Instruction(0xE5, 0, 0, 1, 0), helper(1), EXIT])
    assert reachable(may, NOTHING) == {0, 1, 2}
    # Where an indirect jump goes is not known: to everywhere.
    indirect = program([Instruction(0x0D, 2, 0, 0, 0), helper(1), EXIT], [helper(2), EXIT])
    assert reachable(indirect, NOTHING) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    "body",
    [
        [],
        [goto(1000)],
        [goto(-1000)],
        load_64(2)[:1],
        [alu(MOV, 15, 5), jump_x(JEQ, 15, 14, 0)],
        [Instruction(code, 15, 15, -1, -1) for code in range(256)],
        [goto(-1)],
    ],
)
def test_damaged_code_has_an_answer(body):
    if body:
        assert reachable(program(body), NOTHING) <= set(range(len(body) + 1))


def loops(count: int) -> list[Instruction]:
    """Jumps back over one another, each of which takes what is known of a register away."""
    body = [alu(MOV, number, number) for number in range(2, 10)]
    for number in range(count):
        body += [alu(ADD, number % 8 + 2, 1), jump(JEQ, 1, number, -(number % 1000) - 2)]
    return [*body, alu(MOV, 0, 0), jump(JEQ, 0, 0, 1), helper(GUARDED), EXIT]


def test_large_programs_take_bounded_time(monkeypatch):
    start = time.process_time()
    body = loops(30_000)
    found = reachable(program(body), NOTHING)
    assert len(body) - len(found) in {0, 1}
    assert time.process_time() - start < 20


def test_what_takes_too_long_is_reached_as_a_whole(monkeypatch):
    body = loops(20)
    assert len(reachable(program(body), NOTHING)) == len(body) - 1
    monkeypatch.setattr("pytest_ebpf.requirements.reach._CLOSE_STEPS", 40)
    monkeypatch.setattr("pytest_ebpf.requirements.reach._CLOSE_STEPS_EACH", 0)
    assert len(reachable(program(body), NOTHING, effort=Effort.APART)) == len(body) - 1
    assert len(reachable(program(body), NOTHING, effort=Effort.KEEN)) < len(body) - 1
    monkeypatch.setattr("pytest_ebpf.requirements.reach._STEPS", 60)
    assert len(reachable(program(body), NOTHING)) == len(body)


def test_kernels_with_the_same_answers_share_one_walk():
    body = program([alu(MOV, 2, 77), jump(JEQ, 2, 1, 1), helper(1), EXIT], relocations={0: "field_exists"})
    one, same, other = (reachable(body, Answers({"field_exists": value})) for value in (1, 1, 0))
    assert one is same
    assert one != other


def a_program(chance: random.Random) -> list[Instruction]:
    """Random instructions that cannot run for ever: jumps go forward."""
    count = chance.randint(5, 40)
    body = [alu(MOV, number, chance.choice([0, 1, 5, -1])) for number in range(10) if chance.random() < 0.8]
    for at in range(count):
        wide = chance.random() < 0.7
        dst, src = chance.randrange(10), chance.randrange(10)
        number = chance.choice([0, 1, 2, 5, -1, -8, 0x7FFFFFFF])
        to = chance.randint(0, count - at - 1)
        operation = chance.choice([ADD, SUB, MUL, OR, AND, LSH, RSH, XOR, ARSH, MOV, MOV, MOV])
        condition = chance.choice([JEQ, JGT, JGE, JSET, JNE, JSGT, JSGE, JLT, JLE, JSLT, JSLE])
        place = -8 * chance.randint(1, 4)
        body.append(
            chance.choice(
                [
                    alu(operation, dst, number, wide=wide),
                    alu(MOV, dst, number, wide=wide),
                    alu_x(operation, dst, src, wide=wide),
                    jump(condition, dst, number, to, wide=wide),
                    jump_x(condition, dst, src, to, wide=wide),
                    store(chance.choice([DW, DW, W, B]), 10, place, src),
                    load(DW, dst, 10, place),
                    helper(5),
                ]
            )
        )
    return [*body, EXIT]


def visited(body: list[Instruction], chance: random.Random) -> set[int]:
    """Run the program for once, with random arguments and results of calls; where it came."""
    mask = (1 << 64) - 1
    registers = [chance.choice([0, 1, 5, chance.getrandbits(64)]) for _ in range(11)]
    frame = bytearray(chance.randbytes(64))
    seen, at = set(), 0
    while True:
        each = body[at]
        seen.add(at)
        at += 1
        kind = each.code & 7
        operand = registers[each.src] if each.code & 8 else each.immediate & mask
        if each.code == EXIT.code:
            return seen
        if each.code == 0x85:
            registers[:6] = [chance.choice([0, 1, chance.getrandbits(64)]) for _ in range(6)]
        elif kind in {4, 7}:
            registers[each.dst] = computed(
                each.code & 0xF0, registers[each.dst], operand, 64 if kind == 7 else 32
            )
        elif kind in {5, 6}:
            if holds(each.code & 0xF0, registers[each.dst], operand, 64 if kind == 5 else 32):
                at += each.offset
        elif kind == 3:
            size = {W: 4, H: 2, B: 1, DW: 8}[each.code & 0x18]
            place = 64 + each.offset
            frame[place : place + size] = (registers[each.src] & (1 << size * 8) - 1).to_bytes(size, "little")
        else:
            registers[each.dst] = int.from_bytes(frame[64 + each.offset : 72 + each.offset], "little")


def as_signed(number: int, bits: int) -> int:
    return (number & (1 << bits) - 1 ^ 1 << bits - 1) - (1 << bits - 1)


def computed(operation: int, left: int, right: int, bits: int) -> int:
    """As Documentation/bpf/standardization/instruction-set.rst says; shifts are masked."""
    mask = (1 << bits) - 1
    left, right = left & mask, right & mask
    shift = right & bits - 1
    return (
        mask
        & {
            ADD: left + right,
            SUB: left - right,
            MUL: left * right,
            OR: left | right,
            AND: left & right,
            XOR: left ^ right,
            LSH: left << shift,
            RSH: left >> shift,
            ARSH: as_signed(left, bits) >> shift,
            MOV: right,
        }[operation]
    )


def holds(operation: int, left: int, right: int, bits: int) -> bool:
    mask = (1 << bits) - 1
    left, right = left & mask, right & mask
    ours, theirs = as_signed(left, bits), as_signed(right, bits)
    return {
        JEQ: left == right,
        JNE: left != right,
        JGT: left > right,
        JGE: left >= right,
        JLT: left < right,
        JLE: left <= right,
        JSET: bool(left & right),
        JSGT: ours > theirs,
        JSGE: ours >= theirs,
        JSLT: ours < theirs,
        JSLE: ours <= theirs,
    }[operation]


def test_no_program_comes_where_folding_says_it_does_not():
    chance = random.Random(20261120)
    dead = 0
    for _ in range(1500):
        body = a_program(chance)
        found = reachable(program(body), NOTHING)
        apart, keen = (reachable(program(body), NOTHING, effort=each) for each in (Effort.APART, Effort.KEEN))
        assert keen <= apart <= found
        for _ in range(8):
            assert visited(body, chance) <= keen, body
        dead += len(body) - len(found)
    assert dead > 5000  # it does find out something
