"""What can be said about one test on one kernel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Outcome(StrEnum):
    """The outcome of one cell."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    UNSUPPORTED = "unsupported"
    CRASHED = "crashed"
    TIMED_OUT = "timed out"
    INFRASTRUCTURE = "infrastructure"

    @property
    def severity(self) -> int:
        """How serious it is: where several are known of a cell, the one with the largest number stands."""
        return _SEVERITY.index(self)


@dataclass(frozen=True)
class Face:
    """How an outcome looks: its *mark* in a table, what the mark says, the SGR *color* it has in a terminal.

    A mark in capitals is one that makes the run fail.
    """

    mark: str
    meaning: str
    color: str


FACES: Final = MappingProxyType(
    {
        Outcome.PASSED: Face("pass", "", "32"),
        Outcome.FAILED: Face("FAIL", "", "1;31"),
        Outcome.SKIPPED: Face("skip", "", "33"),
        Outcome.XFAILED: Face("xfail", "failed, as expected", "33"),
        Outcome.XPASSED: Face("xpass", "passed, though expected to fail", "33"),
        Outcome.UNSUPPORTED: Face("unsup", "this kernel lacks what is needed", "36"),
        Outcome.CRASHED: Face("CRASH", "the kernel died", "1;31"),
        Outcome.TIMED_OUT: Face("TIME", "not done in time", "1;31"),
        Outcome.INFRASTRUCTURE: Face("INFRA", "we could not tell", "1;35"),
    }
)

#: Outcomes that make a run fail. One that could not be told is no verdict, but no success either.
BAD: Final = frozenset({Outcome.FAILED, Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.INFRASTRUCTURE})

#: From the least to the most serious, as in ``docs/report.md``.
_SEVERITY: Final = (
    Outcome.PASSED,
    Outcome.XFAILED,
    Outcome.SKIPPED,
    Outcome.UNSUPPORTED,
    Outcome.XPASSED,
    Outcome.INFRASTRUCTURE,
    Outcome.TIMED_OUT,
    Outcome.FAILED,
    Outcome.CRASHED,
)
