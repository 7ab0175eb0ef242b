"""Where control goes from an instruction."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_ebpf.objects.instructions import CALL, EXIT, JA, JA32, JAX, JMP, JMP32, Instruction


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
