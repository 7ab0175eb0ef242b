"""Where control goes from an instruction."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_ebpf.objects.instructions import (
    CALL,
    EXIT,
    JA,
    JA32,
    JAX,
    JMP,
    JMP32,
    LDIMM64,
    Instruction,
)


def is_jump(instruction: Instruction) -> bool:
    """Whether control may go elsewhere, or ends; a call comes back."""
    return instruction.code & 7 in {JMP, JMP32} and instruction.code != CALL


def jump_target(index: int, instruction: Instruction) -> int | None:
    """Where a jump at *index* leads to; None where it does not say (``exit``, an indirect jump)."""
    if instruction.code in {EXIT, JAX}:
        return None
    return index + 1 + (instruction.immediate if instruction.code == JA32 else instruction.offset)


def falls_through(instruction: Instruction) -> bool:
    """Whether control may go on behind the instruction."""
    return instruction.code not in {EXIT, JA, JA32, JAX}


def block_starts(instructions: Sequence[Instruction]) -> frozenset[int]:
    """Where control may come from elsewhere, and what follows a jump: reached wholly or not at all."""
    starts: set[int] = set()
    for index, each in enumerate(instructions):
        if is_jump(each):
            starts.add(index + 1)
            target = jump_target(index, each)
            if target is not None:
                starts.add(target)
    return frozenset(starts)


def unreached(instructions: Sequence[Instruction]) -> int | None:
    """The first instruction that no way leads to, whatever conditions say; None without any.

    None as well where a jump does not say where it leads.
    """
    seen: set[int] = set()
    waiting = [0]
    while waiting:
        index = waiting.pop()
        if index in seen or not 0 <= index < len(instructions):
            continue
        seen.add(index)
        each = instructions[index]
        if each.code == JAX:
            return None
        if each.code == LDIMM64:
            seen.add(index + 1)
            waiting.append(index + 2)
            continue
        if falls_through(each):
            waiting.append(index + 1)
        target = jump_target(index, each) if is_jump(each) else None
        if target is not None:
            waiting.append(target)
    return next((index for index in range(len(instructions)) if index not in seen), None)
