"""Instructions that no kernel has."""

from __future__ import annotations

import pytest
from codes import EXIT, JEQ, MOV, alu, goto, jump

from pytest_ebpf.objects.encoding import flaw_of
from pytest_ebpf.objects.instructions import Instruction
from pytest_ebpf.requirements.blocks import unreached


@pytest.mark.parametrize(
    ("instruction", "what"),
    [
        ((0x8D, 1, 0, 0, 0), "no kernel has calls through a pointer"),
        ((0x8F, 0, 0, 0, 0), "no kernel has an instruction 0x8f"),
        ((0xDB, 1, 2, 0, 0x10), "no kernel has an atomic operation 0x10"),
        ((0xDB, 1, 2, 0, -1), "no kernel has an atomic operation 0xffffffff"),
        ((0xD3, 1, 2, 0, 0x00), "no kernel has an atomic operation on 1 byte"),
        ((0xCB, 1, 2, 0, 0xE1), "no kernel has an atomic operation on 2 bytes"),
        ((0xB7, 11, 0, 0, 0), "no kernel has a register r11"),
        ((0xBF, 0, 15, 0, 0), "no kernel has a register r15"),
        ((0xB7, 2, 3, 0, 5), "no kernel has an instruction 0xb7 with source 3"),
        ((0x85, 1, 0, 0, 5), "no kernel has an instruction 0x85 with destination 1"),
        ((0x07, 1, 0, 8, 5), "no kernel has an instruction 0x07 with offset 8"),
        ((0x61, 1, 2, 0, 5), "no kernel has an instruction 0x61 with immediate value 5"),
        ((0xD4, 1, 0, 0, 8), "no kernel has an instruction 0xd4 with immediate value 8"),
        ((0xBF, 1, 2, 1, 5), "no kernel has an instruction 0xbf with immediate value 5"),
        ((0xBC, 1, 2, 32, 0), "no kernel has an instruction 0xbc with offset 32"),
        ((0x3F, 1, 2, 2, 0), "no kernel has an instruction 0x3f with offset 2"),
    ],
)
def test_what_is_wrong_with_it(instruction, what):
    found = flaw_of(Instruction(*instruction))
    assert found is not None
    assert found.what == what
    # Codes, and fields of loads, are looked at before control is followed.
    assert found.anywhere == (instruction[0] in {0x8D, 0x8F, 0x61})


@pytest.mark.parametrize(
    "instruction",
    [
        (0x18, 1, 1, 0, 5),  # the address of a map
        (0xC3, 1, 2, -8, 0xE1),  # xchg of a word
        (0xCB, 1, 2, -8, 0x100),  # load_acquire of a half-word
        (0x79, 1, 11, 8, 0),  # the stack of arguments, from 7.1 on
        (0x7B, 11, 1, -8, 0),
        (0xBF, 1, 2, 1, 1),  # addr_space_cast
        (0xBF, 1, 2, 32, 0),
        (0x3F, 1, 2, 1, 0),  # signed division
        (0x06, 0, 0, 0, 70000),  # gotol
        (0x0D, 3, 0, 0, 0),  # gotox
        (0xE5, 0, 0, 5, 0),  # may_goto
        (0x85, 0, 2, 7, 5),  # a function of a module
        (0x30, 0, 0, 0, 12),
    ],
)
def test_what_some_kernel_has(instruction):
    assert flaw_of(Instruction(*instruction)) is None


def test_code_that_no_jump_leads_to():
    zero, wide = alu(MOV, 0, 0), [Instruction(0x18, 1, 0, 0, 5), Instruction(0, 0, 0, 0, 0)]
    assert unreached([zero, EXIT]) is None
    assert unreached([goto(1), zero, zero, EXIT]) == 1
    assert unreached([jump(JEQ, 1, 5, 1), zero, *wide, EXIT]) is None
    assert unreached([zero, EXIT, zero, EXIT]) == 2
    assert unreached([zero, EXIT, goto(-2)]) == 2
    # Where they are damaged, it is found out elsewhere.
    assert unreached([goto(-9)]) is None
    assert unreached(wide[:1]) is None
    assert unreached([Instruction(0x0D, 1, 0, 0, 0), zero, EXIT]) is None
