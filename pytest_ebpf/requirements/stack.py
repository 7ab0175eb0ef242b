"""How much stack code can be seen to use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pytest_ebpf.objects.instructions import ALU64, JMP, JMP32, LDX, MOV, ST, STX, Instruction
from pytest_ebpf.requirements.model import Chain, FunctionFacts

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


def deepest(functions: Sequence[FunctionFacts]) -> Chain | None:
    """What the calls from the first of *functions* come to; None for a chain without end."""
    by_first = {each.first: each for each in functions}
    depths: dict[int, Chain] = {}
    waiting = [functions[0].first]
    under_way: set[int] = set()
    while waiting:
        function = by_first[waiting[-1]]
        missing = {call.target for call in function.calls}.difference(depths)
        if missing and function.first not in under_way:
            under_way.add(function.first)
            if not under_way.isdisjoint(missing):
                return None
            waiting += missing
            continue
        waiting.pop()
        under_way.discard(function.first)
        depths[function.first] = _with_callees(function, by_first, depths)
    return depths[functions[0].first]


def _with_callees(
    function: FunctionFacts, by_first: Mapping[int, FunctionFacts], depths: Mapping[int, Chain]
) -> Chain:
    own = -(-max(function.stack, 1) // _GRAIN) * _GRAIN
    callees = {call.target: depths[call.target] for call in function.calls}
    called = [depths[call.target] for call in function.calls if not call.is_callback]
    below = [each.before_tail_call for each in callees.values() if each.before_tail_call]
    below += [0 for each in callees if by_first[each].tail_calls]
    return Chain(
        stack=own + max((each.stack for each in callees.values()), default=0),
        without_callbacks=own + max((each.without_callbacks for each in called), default=0),
        frames=1 + max((each.frames for each in called), default=0),
        before_tail_call=own + max(below) if below else 0,
    )
