"""Folding, path by path: where they meet and part, into functions and back, and how long that takes."""

from __future__ import annotations

import time

import pytest
from codes import (
    ADD,
    DIV,
    EXIT,
    JEQ,
    JGT,
    JLT,
    JNE,
    MOD,
    MOV,
    NEG,
    Answers,
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
    subprogram,
)
from folding import GUARDED, NOTHING, skipped

from pytest_ebpf.objects.instructions import Instruction
from pytest_ebpf.requirements import reachable
from pytest_ebpf.requirements.reach import Effort


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
    assert reachable(program(body), NOTHING) <= set(range(len(body)))


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
