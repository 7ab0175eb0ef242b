"""The run as Markdown for the summary of a CI job or for a pull request: short enough for both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from pytest_ebpf.report.changes import Changes, Kind
from pytest_ebpf.report.markdown_table import code, escaped, markdown
from pytest_ebpf.report.matrix import Cell, Matrix
from pytest_ebpf.report.names import visible
from pytest_ebpf.report.outcome import BAD, Outcome
from pytest_ebpf.report.run import Run

#: Characters of a comment that GitHub takes at most: 65,536. The summary of a step may have 1 MiB.
LIMIT: Final = 60_000

_CHANGES: Final = 20
_LINES: Final = 60


def markdown_summary(run: Run, changes: Changes | None = None) -> str:
    """Return a heading, what changed, the table, and failures folded up; at most :data:`LIMIT` characters.

    Of a table that is too long the tests that passed on every kernel are left out, and then the last ones.
    What is left out is counted.
    """
    heading = f"## eBPF matrix{f' of {escaped(run.project)}' if run.project else ''}\n"
    parts = [heading, *([_changed(changes)] if changes else [])]
    parts.append(_table(run.matrix, LIMIT - sum(map(len, parts))))
    parts += _failures(run.matrix, LIMIT - sum(map(len, parts)) - len(parts))
    return "\n".join(parts)


def _changed(changes: Changes) -> str:
    lines = [f"Since the last run: {changes.summary()}.", ""]
    told = [change for kind in (Kind.BROKEN, Kind.FIXED, Kind.CHANGED) for change in changes.of(kind)]
    for change in told[:_CHANGES]:
        place = f"{code(change.row)} on {escaped(change.column)}"
        lines.append(f"- **{change.kind}**: {place}, {change.before} before, {change.after} now")
    if len(told) > _CHANGES:
        lines.append(f"- and {len(told) - _CHANGES} more")
    return "\n".join([*lines, ""] if told else lines)


def _table(matrix: Matrix, room: int) -> str:
    whole = markdown(matrix)
    if len(whole) <= room // 2:
        return whole
    rows = _not_passed(matrix)
    while len(text := _some(matrix, rows)) > room // 2 and rows:
        rows = rows[: len(rows) // 2]
    return text


def _not_passed(matrix: Matrix) -> Sequence[str]:
    kept = dict.fromkeys(cell.row for cell in matrix.cells if cell.outcome is not Outcome.PASSED)
    return [row for row in matrix.rows if row in kept]


def _some(matrix: Matrix, rows: Sequence[str]) -> str:
    kept = set(rows)
    table = markdown(Matrix.of(cell for cell in matrix.cells if cell.row in kept))
    passed = len(matrix.rows) - len(_not_passed(matrix))
    more = len(matrix.rows) - passed - len(rows)
    left_out = [
        *([f"{passed} that passed on every kernel"] if passed else []),
        *([f"{more} others"] if more else []),
    ]
    # the counts at the end are those of all
    table = table.rstrip("\n").rpartition("\n")[0]
    return f"{table}\nTests left out: {', '.join(left_out)}.\n\n{matrix.summary()}\n"


def _failures(matrix: Matrix, room: int) -> list[str]:
    """Of the failures the first ones that fit."""
    blocks = [_failure(cells) for row in matrix.rows for cells in _alike(matrix, row)]
    ends = accumulate(len(block) + 1 for block in blocks)
    count = sum(end <= room - len(_more(len(blocks))) for end in ends)
    return [*blocks[:count], *([_more(len(blocks) - count)] if count < len(blocks) else [])]


def _more(count: int) -> str:
    return f"{count} more failure{'' if count == 1 else 's'} in report.html.\n"


def _alike(matrix: Matrix, row: str) -> Iterable[Sequence[Cell]]:
    """The failures of a test, those with the same reason together."""
    found: dict[tuple[Outcome, str | None], list[Cell]] = {}
    for column in matrix.columns:
        cell = matrix.cell(row, column)
        if cell and cell.outcome in BAD and cell.test:
            found.setdefault((cell.outcome, cell.reason), []).append(cell)
    return found.values()


def _failure(cells: Sequence[Cell]) -> str:
    """What is told of the first; the others are told to be as it."""
    first = cells[0]
    columns = _html(", ".join(cell.column for cell in cells))
    head = f"<details><summary>{first.outcome}: <code>{_html(first.row)}</code> on {columns}</summary>"
    only = [f"As it was on {escaped(first.column)}:"] if len(cells) > 1 else []
    parts = [
        f"**{escaped(part.title)}**\n\n{fenced(part.text)}" for part in first.sections if not part.besides
    ]
    return "\n\n".join([head, *only, *parts, "</details>\n"])


def _html(text: str) -> str:
    return " ".join(visible(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fenced(text: str) -> str:
    """The last lines of *text* as a block of code, in a fence that nothing in it ends; without colors."""
    lines = visible(text.replace("\r\n", "\n")).rstrip().splitlines()
    left_out = len(lines) - _LINES
    kept = [f"({left_out} lines left out)", *lines[-_LINES:]] if left_out > 0 else lines
    longest = max((len(found) for line in kept for found in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}text", *kept, fence])
