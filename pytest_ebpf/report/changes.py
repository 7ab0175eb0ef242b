"""What one run says otherwise than an earlier one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pytest_ebpf.report.matrix import Matrix
from pytest_ebpf.report.outcome import BAD, Outcome
from pytest_ebpf.report.run import Run

_LINE: Final = re.compile(r"\d+\.\d+")


class Kind(StrEnum):
    """How a cell has changed, the most pressing first."""

    BROKEN = "broken"
    FIXED = "fixed"
    CHANGED = "changed"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True)
class Change:
    """One cell that is not as it was; *before* is None for a new one, *after* for one that is gone."""

    row: str
    column: str
    before: Outcome | None
    after: Outcome | None

    @property
    def kind(self) -> Kind:
        """Broken or fixed by verdicts alone: where we could not tell, nothing was either."""
        if self.before is None:
            return Kind.NEW
        if self.after is None:
            return Kind.GONE
        if Outcome.INFRASTRUCTURE in (self.before, self.after) or (self.before in BAD) == (self.after in BAD):
            return Kind.CHANGED
        return Kind.BROKEN if self.after in BAD else Kind.FIXED


@dataclass(frozen=True)
class Changes:
    """The *cells* that are not as they were in a run that began at *since*; *sizes* of programs there.

    *sizes* are verified instructions by object, program and column of the later run.
    """

    since: str
    cells: tuple[Change, ...]
    sizes: Mapping[tuple[str, str, str], int]

    def of(self, kind: Kind) -> list[Change]:
        """Those of one kind."""
        return [change for change in self.cells if change.kind is kind]

    def summary(self) -> str:
        """The counts in one line: ``1 broken, 2 fixed``; ``nothing changed``."""
        found = Counter(change.kind for change in self.cells)
        return ", ".join(f"{found[kind]} {kind}" for kind in Kind if found[kind]) or "nothing changed"


def changes(before: Run, after: Run) -> Changes:
    """Compare cells by row and column. A kernel of another patch level is still the kernel of its line."""
    was = columns_before(before.matrix.columns, after.matrix.columns)
    is_now = {old: new for new, old in was.items()}
    sizes = {
        (size.object, size.program, is_now[size.column]): size.verified_insns
        for size in before.programs
        if size.column in is_now
    }
    return Changes(before.began, tuple(_cells(before.matrix, after.matrix, was)), sizes)


def _cells(before: Matrix, after: Matrix, was: Mapping[str, str]) -> Iterator[Change]:
    seen = set()
    for cell in after.cells:
        column = was.get(cell.column, cell.column)
        seen.add((cell.row, column))
        old = before.cell(cell.row, column)
        if old is None or old.outcome is not cell.outcome:
            yield Change(cell.row, cell.column, old.outcome if old else None, cell.outcome)
    for cell in before.cells:
        if (cell.row, cell.column) not in seen:
            yield Change(cell.row, cell.column, cell.outcome, None)


def columns_before(before: Sequence[str], after: Sequence[str]) -> dict[str, str]:
    """Return which of *before* each of *after* is held against: itself, or the only other one of its line."""
    same = {column: column for column in after if column in before}
    left = _by_line([column for column in before if column not in same])
    new = _by_line([column for column in after if column not in same])
    return same | {
        columns[0]: left[line][0]
        for line, columns in new.items()
        if len(columns) == 1 and len(left.get(line, ())) == 1
    }


def _by_line(columns: Sequence[str]) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for column in columns:
        if match := _LINE.match(column):
            lines.setdefault(match[0], []).append(column)
    return lines
