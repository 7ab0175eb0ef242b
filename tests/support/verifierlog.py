"""Logs of the verifier as its kernels write them, from lines."""

from __future__ import annotations

#: An instruction that reads.
READS = "7: (61) r0 = *(u32 *)(r1 +4)"


def refused(instruction: str, *lines: str) -> str:
    """A log whose first instruction is of line 3 of a.bpf.c."""
    return "\n".join(
        [
            "-- BEGIN PROG LOAD LOG --",
            "; line of source @ a.bpf.c:3",
            instruction,
            *lines,
            "-- END PROG LOAD LOG --",
        ]
    )
