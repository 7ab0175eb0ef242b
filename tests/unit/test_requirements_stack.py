"""How much stack instructions can be seen to use, and what calls come to."""

from __future__ import annotations

import pytest
from codes import ADD, DW, EXIT, JEQ, MOV, B, W, alu, alu_x, jump, load, store

from pytest_ebpf.objects.instructions import Instruction
from pytest_ebpf.requirements import FunctionFacts
from pytest_ebpf.requirements.model import Call, Chain
from pytest_ebpf.requirements.stack import deepest, frame_size

ADDRESS = [alu_x(MOV, 2, 10), alu(ADD, 2, -24)]


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ([EXIT], 0),
        ([store(DW, 10, -8, 1)], 8),
        ([store(W, 10, -4, 1), load(DW, 1, 10, -16), store(B, 10, -1, 1)], 16),
        ([Instruction(0x7A, 10, 0, -32, 0)], 32),  # a number is stored
        ([load(DW, 1, 2, -64), store(DW, 3, -64, 1)], 0),  # of somebody else's
        ([alu_x(MOV, 2, 1), alu(ADD, 2, -24)], 0),
        # An address in the frame, whatever is done with it
        (ADDRESS, 24),
        ([*ADDRESS, alu_x(MOV, 3, 2), alu(ADD, 3, -8)], 32),
        ([*ADDRESS, store(DW, 2, -16, 1)], 40),
        ([*ADDRESS, load(DW, 2, 1, 0), alu(ADD, 2, -100)], 24),
        # It is not followed into jumps, nor where it is changed in other ways
        ([alu_x(MOV, 2, 10), jump(JEQ, 1, 0, 0), alu(ADD, 2, -24)], 0),
        ([alu_x(MOV, 2, 10), alu_x(ADD, 2, 3), alu(ADD, 2, -24)], 0),
        ([alu_x(MOV, 2, 10, wide=False), alu(ADD, 2, -24)], 0),
    ],
)
def test_the_frame_of_a_function(body, size):
    assert frame_size(body) == size


def function(first: int, stack: int, *callees: int, tail_calls: bool = False, callback: bool = False):
    """A function at *first* that calls those at *callees*; *callback*: it hands on their addresses."""
    calls = tuple(Call(first + at, f"f{callee}", callee, callback) for at, callee in enumerate(callees))
    return FunctionFacts(f"f{first}", first, 10, stack, False, calls, (first,) if tail_calls else (), None)


@pytest.mark.parametrize(
    ("functions", "chain"),
    [
        ([function(0, 0)], Chain(32, 32, 1, 0)),  # each frame takes 32 bytes or a multiple
        ([function(0, 32)], Chain(32, 32, 1, 0)),
        ([function(0, 33)], Chain(64, 64, 1, 0)),
        ([function(0, 8, 10, 20), function(10, 8), function(20, 100)], Chain(160, 160, 2, 0)),
        ([function(0, 8, 10), function(10, 8, 20), function(20, 8)], Chain(96, 96, 3, 0)),
        # Two ways to the same function
        ([function(0, 8, 10, 20), function(10, 8, 20), function(20, 8)], Chain(96, 96, 3, 0)),
        ([function(0, 8, 10, callback=True), function(10, 100)], Chain(160, 32, 1, 0)),
        # What lies above a function that makes a tail call
        ([function(0, 8, tail_calls=True)], Chain(32, 32, 1, 0)),
        ([function(0, 40, 10), function(10, 8, tail_calls=True)], Chain(96, 96, 2, 64)),
        (
            [function(0, 40, 10), function(10, 8, 20), function(20, 300, tail_calls=True)],
            Chain(416, 416, 3, 96),
        ),
        # Without end
        ([function(0, 8, 0)], None),
        ([function(0, 8, 10), function(10, 8, 20), function(20, 8, 10)], None),
    ],
)
def test_the_deepest_chain_of_calls(functions, chain):
    assert deepest(functions) == chain
