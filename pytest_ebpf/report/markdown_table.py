"""The matrix as a table of GitHub's Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pytest_ebpf.report.matrix import Cell, Matrix
from pytest_ebpf.report.names import visible
from pytest_ebpf.report.outcome import BAD, FACES

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~&#])")

#: What GitHub takes for somebody's name, and tells them; a space of no width keeps it from that.
_MENTION: Final = re.compile(r"@(?=\w)")


def markdown(matrix: Matrix, *, heading: str = "test") -> str:
    """Return the table, its notes and its counts; *heading* says what the rows are."""
    lines = [*_table(matrix, heading), ""] if matrix.cells else []
    for reason, number in matrix.notes.items():
        lines.append(f"{number}. {escaped(reason)}")
    if matrix.notes:
        lines.append("")
    return "\n".join([*lines, matrix.summary()]) + "\n"


def _table(matrix: Matrix, heading: str) -> Iterator[str]:
    yield _line([escaped(heading), *map(escaped, matrix.columns)])
    yield _line([":--", *(":-:" for _ in matrix.columns)])
    for row in matrix.rows:
        yield _line([code(row), *(_shown(matrix, matrix.cell(row, column)) for column in matrix.columns)])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(matrix: Matrix, cell: Cell | None) -> str:
    if cell is None:
        return ""
    mark = FACES[cell.outcome].mark
    note = f" <sup>{matrix.notes[cell.reason]}</sup>" if cell.reason else ""
    return (f"**{mark}**" if cell.outcome in BAD else mark) + note


def escaped(text: str) -> str:
    """*text* as Markdown that shows it as it is, in one line, inside a table or not."""
    return _MENTION.sub("@&#8203;", _SPECIAL.sub(r"\\\1", " ".join(visible(text).split())))


def code(text: str) -> str:
    """*text* as a code span of one line. A table takes a bar for a border, in code as well."""
    text = " ".join(visible(text).split()).replace("|", r"\|")
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if "`" in (text[:1], text[-1:]) else ""
    return f"{fence}{pad}{text}{pad}{fence}"
