"""Numbers of which some bits are known, held against all that they may be."""

from __future__ import annotations

import random

import pytest
from codes import (
    ADD,
    AND,
    ARSH,
    DIV,
    DW,
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
    OR,
    RSH,
    SUB,
    XOR,
    B,
    H,
    alu,
    alu_x,
    jump,
    load,
    store,
)
from folding import skipped
from semantics import computed, holds

from pytest_ebpf.requirements.bits import after, bits_of, compute, is_taken, loaded, swapped
from pytest_ebpf.requirements.reach import Effort
from pytest_ebpf.requirements.values import HALF, WORD, Bits, Low, Opaque

OPERATIONS = (ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, MOD, XOR, ARSH)
CONDITIONS = (JEQ, JGT, JGE, JSET, JNE, JSGT, JSGE, JLT, JLE, JSLT, JSLE)


def a_value(chance):
    """Some value, and numbers that it may be."""
    mask = chance.choice([0xFF, 0xFFFF, HALF, WORD])
    unknown = chance.getrandbits(64) & chance.getrandbits(64) & mask
    unknown = chance.choice([0, unknown, unknown, unknown & 7, mask])
    ones = chance.choice([0, 1, 8, chance.getrandbits(64)]) & mask & ~unknown
    value = chance.choice([Bits(ones, unknown), Bits(ones, unknown), ones, Low(ones & HALF), None])
    bits = bits_of(value, wide=True)
    return value, [
        bits.ones,
        bits.most,
        *(bits.ones | chance.getrandbits(64) & bits.unknown for _ in range(4)),
    ]


def may_be(value, number):
    bits = bits_of(value, wide=True)
    return number & ~bits.unknown == bits.ones


def test_nothing_is_left_out():
    chance, told = random.Random(20261120), 0
    for _ in range(5_000):
        (left, lefts), (right, rights), wide = a_value(chance), a_value(chance), chance.random() < 0.6
        operation, condition = chance.choice(OPERATIONS), chance.choice(CONDITIONS)
        found, taken = (each(kind, left, right, wide=wide) for each, kind in
                        ((compute, operation), (is_taken, condition)))  # fmt: skip
        told += (found is not None) + (taken is not None)
        for x, y in zip(lefts, rights, strict=True):
            assert may_be(found, computed(operation, x, y, 64 if wide else 32)), (
                operation,
                left,
                right,
                x,
                y,
            )
            if taken is not None:
                assert holds(condition, x, y, 64 if wide else 32) == taken, (condition, left, right, x, y)
            number = rights[0]
            way = holds(condition, x, number, 64)
            assert may_be(after(condition, left, number, taken=way), x), (condition, left, number)
    assert told > 5_000  # it does find out something


def test_bytes_the_other_way_round():
    assert swapped(Bits(0x0001, 0xFF00), 16, swaps=True) == Bits(0x0100, 0x00FF)
    assert swapped(Bits(0x10001, 0xFF00), 16, swaps=False) == Bits(0x0001, 0xFF00)
    assert swapped(0x0102, 32, swaps=True) == 0x02010000
    assert swapped(5, 8, swaps=True) is None
    assert swapped(Opaque.PERHAPS, 16, swaps=True) is Opaque.PERHAPS


def test_what_a_load_gives():
    assert loaded(1) == Bits(0, 0xFF)
    assert loaded(8) is None


#: What is known when the condition comes, the condition, and whether it is taken; None for either.
GUARDS = {
    "a bit that is masked out": ([load(DW, 6, 1, 0), alu(AND, 6, 0xFE)], jump(JSET, 6, 1, 1), False),
    "a bit that is set": ([load(DW, 6, 1, 0), alu(OR, 6, 4)], jump(JEQ, 6, 0, 1), False),
    "a bit that may be": ([load(DW, 6, 1, 0), alu(AND, 6, 0xFF)], jump(JSET, 6, 1, 1), None),
    "a product with 0": ([load(DW, 6, 1, 0), alu(MOV, 7, 0), alu_x(AND, 6, 7)], jump(JNE, 6, 0, 1), False),
    "a byte": ([load(B, 6, 1, 0)], jump(JGT, 6, 255, 1), False),
    "a byte that is compared": ([load(B, 6, 1, 0)], jump(JEQ, 6, 7, 1), None),
    "a quotient": ([load(B, 6, 1, 0), alu(DIV, 6, 64)], jump(JGT, 6, 3, 1), False),
    "a remainder": ([load(DW, 6, 1, 0), alu(MOD, 6, 8)], jump(JGE, 6, 8, 1), False),
    "half a word of another": ([load(H, 6, 1, 0), alu(RSH, 6, 8)], jump(JSGE, 6, 256, 1), False),
}


@pytest.mark.parametrize("name", GUARDS)
def test_conditions_that_some_verifiers_see_through(name):
    before, condition, expected = GUARDS[name]
    assert skipped(*before, condition=condition, effort=Effort.KEEN) is expected
    assert skipped(*before, condition=condition, effort=Effort.APART) is None


def test_what_is_put_into_the_frame_by_its_address():
    """Verifiers know it, so neither way is sure: what would be skipped is not reached for sure."""
    by_address = [alu_x(MOV, 2, 10), alu(ADD, 2, -8), alu(MOV, 3, 1), store(DW, 2, 0, 3)]
    for read in (load(DW, 4, 2, 0), load(DW, 4, 10, -8)):
        assert skipped(*by_address, read, condition=jump(JEQ, 4, 1, 1), effort=Effort.KEEN) is True
        assert skipped(*by_address, read, condition=jump(JEQ, 4, 1, 1), effort=Effort.APART) is None
