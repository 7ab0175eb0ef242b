"""How much stack code can be seen to use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pytest_ebpf.requirements.instructions import ALU64, JMP, JMP32, LDX, MOV, ST, STX, Instruction
from pytest_ebpf.requirements.model import FunctionFacts

_FRAME: Final = 10  # the register that points behind the frame
_ADD: Final = 0x00
_IMMEDIATE: Final = 0x00
_REGISTER: Final = 0x08

#: Each frame counts as a multiple of this many bytes (``check_max_stack_depth`` in kernel/bpf/verifier.c).
_GRAIN: Final = 32


def frame_size(instructions: Sequence[Instruction]) -> int:
    """Bytes below the frame pointer that are read, written, or whose address is taken."""
    lowest = 0
    copies: dict[int, int] = {}  # registers that hold an address in the frame
    for each in instructions:
        of_class = each.code & 7
        if of_class in {JMP, JMP32}:
            copies.clear()
            continue
        base = {LDX: each.src, ST: each.dst, STX: each.dst}.get(of_class)
        if base == _FRAME:
            lowest = min(lowest, each.offset)
        elif base in copies:
            lowest = min(lowest, copies[base] + each.offset)
        if of_class == ALU64 and each.code & 0xF8 == MOV | _REGISTER and each.src in {_FRAME, *copies}:
            copies[each.dst] = copies.get(each.src, 0)
        elif of_class == ALU64 and each.code & 0xF8 == _ADD | _IMMEDIATE and each.dst in copies:
            copies[each.dst] += each.immediate
            lowest = min(lowest, copies[each.dst])
        elif of_class not in {ST, STX}:
            copies.pop(each.dst, None)
    return -lowest


def deepest(functions: Sequence[FunctionFacts]) -> int | None:
    """Bytes of the deepest chain of calls from the first of *functions*; None for one without end."""
    by_first = {each.first: each for each in functions}
    depths: dict[int, int] = {}
    waiting = [functions[0].first]
    under_way: set[int] = set()
    while waiting:
        function = by_first[waiting[-1]]
        callees = {call.target for call in function.calls}
        missing = callees.difference(depths)
        if missing and function.first not in under_way:
            under_way.add(function.first)
            if not under_way.isdisjoint(missing):
                return None
            waiting += missing
            continue
        waiting.pop()
        under_way.discard(function.first)
        own = -(-max(function.stack, 1) // _GRAIN) * _GRAIN
        depths[function.first] = own + max((depths[each] for each in callees), default=0)
    return depths[functions[0].first]
