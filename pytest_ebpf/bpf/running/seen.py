"""The runs of programs that a test made, kept where its kernels are to be compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

from pytest_ebpf.bpf.running.result import Result
from pytest_ebpf.guest import Guest

#: Runs that are kept; of later ones no more than that there were any.
KEPT: Final = 200


@dataclass
class Seen:
    """Results by the name of the program, in order, if they are *wanted*; *count* is how many there were."""

    wanted: bool = False
    count: int = 0
    runs: list[tuple[str, Result]] = field(default_factory=list)

    def note(self, program: str, results: Iterable[Result]) -> None:
        """Take in the results of one call."""
        if not self.wanted:
            return
        for result in results:
            self.count += 1
            if self.count <= KEPT:
                self.runs.append((program, result))

    def begin(self, *, wanted: bool) -> None:
        """Forget what an earlier test did."""
        self.wanted, self.count, self.runs = wanted, 0, []


_KNOWN: WeakKeyDictionary[Guest, Seen] = WeakKeyDictionary()


def seen_of(guest: Guest) -> Seen:
    """Return what was run in *guest*."""
    if guest not in _KNOWN:
        _KNOWN[guest] = Seen()
    return _KNOWN[guest]
