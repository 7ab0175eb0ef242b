"""Folding, held against programs of random instructions that are run."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from codes import (
    ADD,
    AND,
    ARSH,
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
    MOV,
    MUL,
    OR,
    RSH,
    SUB,
    XOR,
    B,
    H,
    W,
    alu,
    alu_x,
    helper,
    jump,
    jump_x,
    load,
    program,
    store,
)
from folding import NOTHING
from semantics import computed, holds

from pytest_ebpf.objects.instructions import Instruction
from pytest_ebpf.requirements import reachable
from pytest_ebpf.requirements.reach import Effort

STACK = 1 << 40  # the frame pointer


def a_program(chance: random.Random, *, addresses: bool) -> list[Instruction]:
    """Random instructions that cannot run for ever: jumps go forward. *addresses*: some in the frame."""
    count = chance.randint(5, 40)
    body = [alu(MOV, number, chance.choice([0, 1, 5, -1])) for number in range(10) if chance.random() < 0.8]
    for at in range(count):
        wide = chance.random() < 0.7
        dst, src = chance.randrange(10), chance.randrange(10)
        number = chance.choice([0, 1, 2, 5, -1, -8, 0x7FFFFFFF])
        to = chance.randint(0, count - at - 1)
        operation = chance.choice([ADD, SUB, MUL, OR, AND, LSH, RSH, XOR, ARSH, MOV, MOV, MOV])
        condition = chance.choice([JEQ, JGT, JGE, JSET, JNE, JSGT, JSGE, JLT, JLE, JSLT, JSLE])
        place = -8 * chance.randint(1, 2 if addresses else 4)
        body += chance.choice(
            [
                [alu(operation, dst, number, wide=wide)],
                [alu(MOV, dst, number, wide=wide)],
                [alu_x(operation, dst, src, wide=wide)],
                [jump(condition, dst, number, to, wide=wide)],
                [jump_x(condition, dst, src, to, wide=wide)],
                [store(chance.choice([DW, DW, W, B]), 10, place, src)],
                [load(DW, dst, 10, place)],
                [helper(5)],
                *(in_the_frame(chance, dst, src, place, to) if addresses else []),
            ]
        )
    return [*body, EXIT]


def in_the_frame(
    chance: random.Random, dst: int, src: int, place: int, to: int
) -> Iterator[list[Instruction]]:
    """What is written through an address, or may be, and a condition on what is there."""
    address = [alu_x(MOV, dst, 10), alu(ADD, dst, chance.choice([-8, -16]))]
    yield [*address, store(DW, dst, chance.choice([-8, 0, 8]), src)]
    yield [*address, helper(5)]
    yield address
    yield [alu(MOV, src, 1), store(DW, 10, place, src)]
    yield [load(DW, src, 10, place), jump(chance.choice([JEQ, JNE]), src, 1, to)]


def call(registers: list[int], frame: bytearray, chance: random.Random) -> None:
    """Write to what the arguments are addresses of, if to anything, and return something."""
    for place in (number - STACK + 64 for number in registers[1:6]):
        if 0 <= place <= 56 and chance.random() < 0.5:
            frame[place : place + 8] = chance.randbytes(8)
    registers[:6] = [chance.choice([0, 1, chance.getrandbits(64)]) for _ in range(6)]


def visited(body: list[Instruction], chance: random.Random) -> set[int]:
    """Run the program for once, with random arguments and results of calls; where it came.

    A write outside of the frame ends it.
    """
    mask = (1 << 64) - 1
    registers = [*(chance.choice([0, 1, 5, chance.getrandbits(64)]) for _ in range(10)), STACK]
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
            call(registers, frame, chance)
        elif kind in {4, 7}:
            registers[each.dst] = computed(
                each.code & 0xF0, registers[each.dst], operand, 64 if kind == 7 else 32
            )
        elif kind in {5, 6}:
            if holds(each.code & 0xF0, registers[each.dst], operand, 64 if kind == 5 else 32):
                at += each.offset
        elif kind == 3:
            size = {W: 4, H: 2, B: 1, DW: 8}[each.code & 0x18]
            place = registers[each.dst] - STACK + 64 + each.offset
            if not 0 <= place <= 64 - size:
                return seen
            frame[place : place + size] = (registers[each.src] & (1 << size * 8) - 1).to_bytes(size, "little")
        else:
            registers[each.dst] = int.from_bytes(frame[64 + each.offset : 72 + each.offset], "little")


@pytest.mark.parametrize("addresses", [False, True])
def test_no_program_comes_where_folding_says_it_does_not(addresses):
    """What is done with addresses is left to verifiers, which may refuse it, where it is looked at keenly."""
    chance = random.Random(20261120)
    dead = 0
    for _ in range(750):
        body = a_program(chance, addresses=addresses)
        found = reachable(program(body), NOTHING)
        apart, keen = (reachable(program(body), NOTHING, effort=each) for each in (Effort.APART, Effort.KEEN))
        assert keen <= apart <= found
        for _ in range(8):
            assert visited(body, chance) <= (apart if addresses else keen), body
        dead += len(body) - len(found)
    assert dead > 2000  # it does find out something
