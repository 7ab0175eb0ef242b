"""Which way a condition goes, by what is known of a program."""

from __future__ import annotations

from codes import EXIT, Answers, goto, helper, program

from pytest_ebpf.objects.instructions import Instruction
from pytest_ebpf.requirements import reachable
from pytest_ebpf.requirements.reach import Effort

NOTHING = Answers()
GUARDED = 7  # a helper behind a branch


def skipped(
    *before: Instruction,
    condition: Instruction,
    oracle: Answers = NOTHING,
    effort: Effort = Effort.JOINED,
    **parts,
) -> bool | None:
    """Whether *condition*, which skips one instruction, is always true or never; None: both ways."""
    body = [*before, condition, helper(GUARDED), goto(0), EXIT]
    found = reachable(program(body, **parts), oracle, effort=effort)
    at = len(before)
    if at + 1 not in found:
        return True
    # The other way is told by a jump of its own.
    far = [*before, condition._replace(offset=2), helper(GUARDED), EXIT, helper(GUARDED), EXIT]
    return None if at + 3 in reachable(program(far, **parts), oracle, effort=effort) else False
