"""The matrix: what was tested by the kernels it was tested on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pytest_ebpf.report.outcome import BAD, Outcome

_RELEASE: Final = re.compile(r"(\d+(?:\.\d+)*)(-rc\d+)?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Section:
    """A part of what is told of a failure: the traceback, a log, what was printed.

    What is *besides* is for who looks closer: a summary has no room for it.
    """

    title: str
    text: str
    besides: bool = False


@dataclass(frozen=True)
class Cell:
    """One *outcome*: of *row* (a test, without its kernel) on *column* (the release that booted).

    *reason* says why, where the outcome is not simply passed; *duration* is in seconds. What was not as
    wanted has *sections*, and *test*, the name by which pytest runs it again.
    """

    row: str
    column: str
    outcome: Outcome
    reason: str | None = None
    duration: float = 0.0
    test: str = ""
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True)
class Matrix:
    """Cells by row and column. Rows are in the order they came, columns in that of versions."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[Cell, ...]

    @classmethod
    def of(cls, cells: Iterable[Cell]) -> Matrix:
        """Arrange *cells*. Of several with the same row and column the most serious stands."""
        worst: dict[tuple[str, str], Cell] = {}
        for cell in cells:
            known = worst.setdefault((cell.row, cell.column), cell)
            if cell.outcome.severity > known.outcome.severity:
                worst[cell.row, cell.column] = cell
        rows = tuple(dict.fromkeys(row for row, _ in worst))
        columns = tuple(sorted({column for _, column in worst}, key=version_key))
        return cls(rows, columns, tuple(worst.values()))

    @cached_property
    def _by_place(self) -> Mapping[tuple[str, str], Cell]:
        return {(cell.row, cell.column): cell for cell in self.cells}

    def cell(self, row: str, column: str) -> Cell | None:
        """The cell there; None where nothing was run."""
        return self._by_place.get((row, column))

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many cells have each outcome, in the order of :class:`Outcome`, without those that none has."""
        found = Counter(cell.outcome for cell in self.cells)
        return {outcome: found[outcome] for outcome in Outcome if found[outcome]}

    @property
    def ok(self) -> bool:
        """Whether no cell failed, crashed, ran out of time, or could not be told."""
        return not any(cell.outcome in BAD for cell in self.cells)

    @cached_property
    def notes(self) -> Mapping[str, int]:
        """The number of each reason, from 1, by rows and then columns: reasons are told once each."""
        reasons = (
            cell.reason
            for row in self.rows
            for column in self.columns
            if (cell := self.cell(row, column)) and cell.reason
        )
        return {reason: number for number, reason in enumerate(dict.fromkeys(reasons), start=1)}

    def summary(self) -> str:
        """The counts in one line: ``14 passed, 1 failed on 5 kernels``."""
        counts = (
            ", ".join(f"{count} {outcome}" for outcome, count in self.counts.items()) or "nothing was run"
        )
        kernels = len(self.columns)
        return f"{counts} on {kernels} kernel{'' if kernels == 1 else 's'}" if self.cells else counts


def version_key(release: str) -> tuple[object, ...]:
    """Order releases as versions: 6.1 before 6.10, 7.3-rc7 before 7.3; what is no version comes last."""
    match = _RELEASE.fullmatch(release)
    if not match:
        return (1, (), 0, release)
    numbers = tuple(int(part) for part in match[1].split("."))
    candidate = int(match[2].removeprefix("-rc")) if match[2] else 1 << 30
    return (0, numbers, candidate, match[3])
