"""Which part of its stack frame a function may change through anything but the frame pointer."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Final

from pytest_ebpf.objects.instructions import ALU, ALU64, CALL, LD, LDX, MOV, ST, STX, Instruction

FRAME: Final = 10

_ADD_IMMEDIATE: Final = 0x07
_MOVE: Final = MOV | 0x08 | ALU64
_SOURCE_REGISTER: Final = 0x08
_EVERYWHERE: Final = -(1 << 31)


def open_from(instructions: Sequence[Instruction], starts: Container[int], *, calls: bool) -> int:
    """The lowest byte, counted from the frame pointer, that others may write to; 0 for none.

    Addresses in the frame are made as compilers make them: a copy of the frame pointer and, at once, a
    distance added. Who has one may write from there upward. Whatever looks different opens the whole frame: a
    stored address, one from which is subtracted, one below which is written, one that subprograms may have
    (*calls*), which may do so.
    *starts* are where control may come from elsewhere.
    """
    holders = _holders(instructions)
    if not holders:
        return _EVERYWHERE if _is_stored(instructions) else 0
    if calls:
        return _EVERYWHERE
    lowest = 0
    held: set[int] = set()
    for index, each in enumerate(instructions):
        if index in starts:
            held = set(holders)  # as if all of them came from elsewhere
        fresh = index > 0 and index not in starts and _is_copy(instructions[index - 1], each.dst)
        if fresh and each.code == _ADD_IMMEDIATE:
            lowest = min(lowest, each.immediate)
        elif _is_unusual(each, held):
            return _EVERYWHERE
        _follow(each, held)
    return lowest


def _follow(instruction: Instruction, held: set[int]) -> None:
    """Change which registers may hold an address in the frame, as the instruction does."""
    of_class = instruction.code & 7
    if instruction.code == _MOVE and (instruction.src == FRAME or instruction.src in held):
        held.add(instruction.dst)
    elif instruction.code == CALL:
        held.difference_update(range(6))
    elif of_class in {LD, LDX, ALU} or (of_class == ALU64 and instruction.code & 0xF0 == MOV):
        held.discard(instruction.dst)


def _is_copy(instruction: Instruction, register: int) -> bool:
    return instruction.code == _MOVE and (instruction.src, instruction.dst) == (FRAME, register)


def _is_stored(instructions: Sequence[Instruction]) -> bool:
    """Whether the frame pointer itself is put into memory or into a sum."""
    return any(
        each.src == FRAME and (each.code & 7 == STX or (each.code & 7 in {ALU, ALU64} and each.code & 8))
        for each in instructions
    )


def _holders(instructions: Sequence[Instruction]) -> frozenset[int]:
    """Registers that at some place hold an address in the frame."""
    moves = [(each.src, each.dst) for each in instructions if each.code == _MOVE]
    found = {FRAME}
    for _ in range(FRAME):
        found |= {to for origin, to in moves if origin in found}
    return frozenset(found - {FRAME})


def _is_unusual(instruction: Instruction, held: Container[int]) -> bool:
    """Whether an address is stored, used for what is below it, or changed but by adding a distance."""
    of_class = instruction.code & 7
    gives = instruction.src == FRAME or instruction.src in held
    if of_class in {ST, STX}:
        below = instruction.dst in held and instruction.offset < 0
        return below or (gives and of_class == STX)
    if of_class not in {ALU, ALU64} or instruction.code & 0xF0 == MOV:
        return False
    if instruction.code & _SOURCE_REGISTER and gives:
        return True
    if of_class == ALU or instruction.dst not in held:
        return False
    return instruction.code != _ADD_IMMEDIATE or instruction.immediate < 0
