"""What every verifier limits: stack, calls, and where a function ends.

Programs of more instructions than any takes are not read at all (:mod:`pytest_ebpf.requirements.linked`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_ebpf.compat.model import Lack
from pytest_ebpf.kernels import Version
from pytest_ebpf.objects.instructions import EXIT, JA, JA32, JAX
from pytest_ebpf.requirements import ProgramRequirements
from pytest_ebpf.uapi import ProgType

#: ``MAX_BPF_STACK`` of include/linux/filter.h, in bytes; for all frames of a chain of calls together.
_STACK: Final = 512

#: Bytes below a function that makes a tail call, from which on it may not (``check_max_stack_depth``).
_STACK_BEFORE_TAIL_CALL: Final = 256

#: ``MAX_CALL_FRAMES`` of include/linux/bpf_verifier.h. Measured: not more on 5.10 to 6.18, more on 7.2.
_FRAMES: Final = 8
_MORE_FRAMES: Final = Version(6, 19)

#: "bpf: Support private stack for bpf progs": functions of tracing programs may each have as much.
_PRIVATE_STACKS: Final = Version(6, 13)
_WITH_PRIVATE_STACKS: Final = frozenset(
    {
        ProgType.KPROBE,
        ProgType.TRACEPOINT,
        ProgType.PERF_EVENT,
        ProgType.RAW_TRACEPOINT,
        ProgType.TRACING,
        ProgType.STRUCT_OPS,
    }
)

#: What the last instruction of a function may be (``check_subprogs``).
_LAST: Final = frozenset({EXIT, JA, JA32, JAX})


def of_the_code(program: ProgramRequirements, version: Version) -> Iterator[Lack]:
    """What no verifier takes of the code of a program, whatever it calls."""
    for each in program.functions:
        if program.code.instructions[each.first + each.instructions - 1].code not in _LAST:
            what = f"control runs off the end of {each.name}"
            instead = "let it return: compilers leave off where what comes next is undefined"
            yield Lack(certain=True, what=what, instead=instead, source=each.source)
    yield from _of_the_calls(program, version)


def _of_the_calls(program: ProgramRequirements, version: Version) -> Iterator[Lack]:
    """The stack that the deepest chain of calls needs, and its length."""
    source = program.functions[0].source
    chain = program.chain
    if chain is None:
        yield Lack(certain=True, what="a function of it calls itself", source=source)
    else:
        private = program.prog_type in _WITH_PRIVATE_STACKS and version >= _PRIVATE_STACKS
        if chain.stack > _STACK:
            what = f"it needs {chain.stack} bytes of stack, and the verifier allows {_STACK}"
            alone = any(each.stack > _STACK for each in program.functions)
            certain = alone or (chain.without_callbacks > _STACK and not private)
            yield Lack(certain=certain, what=what, instead="put what is large into a map", source=source)
        if chain.before_tail_call >= _STACK_BEFORE_TAIL_CALL:
            what = f"a tail call comes above {chain.before_tail_call} bytes of stack, and the verifier allows"
            what = f"{what} {_STACK_BEFORE_TAIL_CALL - 1}"
            instead = "put what is large into a map, or make the tail call in the program itself"
            yield Lack(certain=not private, what=what, instead=instead, source=source)
        if chain.frames > _FRAMES:
            certain = version < _MORE_FRAMES
            allows = "the verifier allows" if certain else "verifiers up to 6.18 allow"
            what = f"{chain.frames} functions call one another, and {allows} {_FRAMES}"
            instead = "make some of them __always_inline"
            yield Lack(certain=certain, what=what, instead=instead, source=source)
