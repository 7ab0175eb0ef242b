"""What the verifier had to do for a program, from the statistics that it prints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TIME: Final = re.compile(r"^verification time (\d+) usec", re.MULTILINE)
_STACK: Final = re.compile(r"^stack depth (\d+(?:\+\d+)*)", re.MULTILINE)
_PROCESSED: Final = re.compile(
    r"^processed (\d+) insns .*\btotal_states (\d+) peak_states (\d+)", re.MULTILINE
)


@dataclass(frozen=True)
class Complexity:
    """What the verifier went through; None where the kernel does not tell.

    *verified_insns* are the instructions, each counted as often as it was looked at; *states* those that were
    kept in all, *peak_states* at most at once; *stack* the bytes of stack of all the functions of the program
    together, each with its own. *load_time* is the seconds that verifying took, which say little of a real
    machine where the kernel is emulated.
    """

    verified_insns: int | None = None
    states: int | None = None
    peak_states: int | None = None
    stack: int | None = None
    load_time: float | None = None


def complexity(stats: str, verified_insns: int = 0) -> Complexity:
    """Read the text of ``print_verification_stats`` (``kernel/bpf/verifier.c``, ``BPF_LOG_STATS``).

    *verified_insns* is what ``bpf_prog_info`` tells, 0 on kernels before 5.16. The depths of the stack are
    added up, as veristat does: the deepest chain of calls, which may take 512 bytes, takes no more than that.
    """
    time, stack, processed = _TIME.search(stats), _STACK.search(stats), _PROCESSED.search(stats)
    insns, states, peak = map(int, processed.groups()) if processed else (verified_insns, None, None)
    return Complexity(
        verified_insns=insns or None,
        states=states,
        peak_states=peak,
        stack=sum(map(int, stack[1].split("+"))) if stack else None,
        load_time=int(time[1]) / 1e6 if time else None,
    )
