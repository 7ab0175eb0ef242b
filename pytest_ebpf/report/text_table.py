"""The matrix for a terminal: names on the left, a column for each kernel, reasons below, once each."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from pytest_ebpf.report.matrix import Cell, Matrix
from pytest_ebpf.report.names import Name, columns_of, name_of, visible
from pytest_ebpf.report.outcome import FACES

_GAP: Final = 2
_INDENT: Final = "  "

#: Narrower than this no table can be read; wider names than this give way to columns.
_MIN_WIDTH: Final = 40
_MIN_NAME: Final = 24

#: A reason is a sentence; of one that is a whole log only so many lines are shown here.
_REASON_LINES: Final = 6

_NOT_RUN: Final = "-"

_PATCH_LEVEL: Final = re.compile(r"(\d+\.\d+)([.-].+)")


@dataclass(frozen=True)
class _Column:
    """Neighbouring *releases* with the same cells, shown as one column (mostly just one release).

    A *narrow* one has the patch level of its release in a line of its own.
    """

    releases: tuple[str, ...]
    cells: tuple[Cell | None, ...]
    narrow: bool
    width: int

    @property
    def head(self) -> tuple[str, ...]:
        """The lines above it."""
        first, last = self.releases[0], self.releases[-1]
        if first != last:
            return (first, f"to {last}")
        parts = _PATCH_LEVEL.fullmatch(first) if self.narrow else None
        return parts.groups() if parts else (first,)


@dataclass(frozen=True)
class _Page:
    """What is written on: its *width*, the *heading* of the rows, whether it takes *color*."""

    width: int
    heading: str
    color: bool

    def paint(self, text: str, code: str) -> str:
        """Color *text*; padding stays outside, so that widths are what they look."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text

    def bold(self, text: str) -> str:
        return self.paint(text, "1")

    def mark(self, matrix: Matrix, cell: Cell | None, width: int) -> str:
        mark = _mark(matrix, cell)
        painted = self.paint(mark, FACES[cell.outcome].color) if cell else mark
        return painted + " " * (width - len(mark))


def text(matrix: Matrix, *, width: int, color: bool, heading: str = "test") -> str:
    """Return the table, at most *width* characters wide (40 or more), its notes and its counts.

    Columns that do not fit are folded where neighbours are equal, then put below. *heading* says what the
    rows are. The text ends without a newline.
    """
    if not matrix.cells:
        return matrix.summary()
    width = max(width, _MIN_WIDTH)
    page = _Page(width, heading, color)
    names = [name_of(row) for row in matrix.rows]
    columns = [_column(matrix, (release,)) for release in matrix.columns]
    longest = max(len(heading), *map(_width, names))
    if longest > _left(columns, width):
        columns = [_column(matrix, (release,), narrow=True) for release in matrix.columns]
    if _needed(longest, columns) > width:
        columns = _folded(matrix, columns)
    blocks = _blocks(longest, columns, width)
    name_width = min(_name_width(longest, block, width) for block in blocks)
    tables = ["\n".join(_table(matrix, names, block, name_width, page)) for block in blocks]
    below = [*_legend(matrix, width), *_notes(matrix, width)]
    return "\n\n".join([*tables, *(["\n".join(below)] if below else []), _summary(matrix, page)])


def _width(name: Name) -> int:
    return columns_of(name.own) + (len(_INDENT) if name.group else 0)


def _column(matrix: Matrix, releases: tuple[str, ...], *, narrow: bool = False) -> _Column:
    cells = tuple(matrix.cell(row, releases[0]) for row in matrix.rows)
    column = _Column(releases, cells, narrow, 0)
    widths = [len(line) for line in column.head] + [len(_mark(matrix, cell)) for cell in cells]
    return replace(column, width=max(widths))


def _mark(matrix: Matrix, cell: Cell | None) -> str:
    if cell is None:
        return _NOT_RUN
    note = f"[{matrix.notes[cell.reason]}]" if cell.reason else ""
    return FACES[cell.outcome].mark + note


def _folded(matrix: Matrix, columns: Sequence[_Column]) -> list[_Column]:
    """Join neighbours that say the same."""

    def look(column: _Column) -> list[str]:
        return [_mark(matrix, cell) for cell in column.cells]

    groups = [list(group) for _, group in groupby(columns, key=look)]
    return [_column(matrix, tuple(column.releases[0] for column in group)) for group in groups]


def _left(columns: Sequence[_Column], width: int) -> int:
    return width - sum(_GAP + column.width for column in columns)


def _needed(longest: int, columns: Sequence[_Column]) -> int:
    return min(longest, _MIN_NAME) + sum(_GAP + column.width for column in columns)


def _blocks(longest: int, columns: Sequence[_Column], width: int) -> list[list[_Column]]:
    """Split *columns* into tables that fit; one column is always taken, however wide."""
    blocks: list[list[_Column]] = [[]]
    for column in columns:
        if blocks[-1] and _needed(longest, [*blocks[-1], column]) > width:
            blocks.append([])
        blocks[-1].append(column)
    return blocks


def _name_width(longest: int, columns: Sequence[_Column], width: int) -> int:
    """What *columns* leave for names and their heading, or less if none is as long."""
    return min(longest, max(_MIN_NAME, _left(columns, width)))


def _table(
    matrix: Matrix, names: Sequence[Name], columns: Sequence[_Column], name_width: int, page: _Page
) -> Iterator[str]:
    for number in range(max(len(column.head) for column in columns)):
        left = page.heading if number == 0 else ""
        heads = [column.head[number] if number < len(column.head) else "" for column in columns]
        yield page.bold(_joined(left.ljust(name_width), heads, columns))
    group = ""
    for index, name in enumerate(names):
        if name.group != group:
            group = name.group
            yield shortened(group, page.width)
        own = shortened((_INDENT if group else "") + name.own, name_width)
        marks = (page.mark(matrix, column.cells[index], column.width) for column in columns)
        yield (
            own + " " * (name_width - columns_of(own)) + "".join(" " * _GAP + mark for mark in marks)
        ).rstrip()


def _joined(left: str, parts: Sequence[str], columns: Sequence[_Column]) -> str:
    padded = (part.ljust(column.width) for part, column in zip(parts, columns, strict=True))
    return (left + "".join(" " * _GAP + part for part in padded)).rstrip()


def shortened(name: str, width: int) -> str:
    """*name*, or where it is wider than *width* its beginning and its end with dots between them."""
    if columns_of(name) <= width:
        return name
    kept = width - 3
    head, tail = kept - kept // 2, kept // 2
    if name.isascii():
        return f"{name[:head]}...{name[len(name) - tail :]}"
    return f"{_fitting(name, head)}...{_fitting(name[::-1], tail)[::-1]}"


def _fitting(text: str, width: int) -> str:
    """As much of *text* as takes *width* columns at most."""
    while columns_of(text) > width:
        text = text[:-1]
    return text


def _legend(matrix: Matrix, width: int) -> list[str]:
    """What the less plain of the marks in use mean."""
    parts = [
        f"{FACES[outcome].mark}: {FACES[outcome].meaning}"
        for outcome in matrix.counts
        if FACES[outcome].meaning
    ]
    if len(matrix.cells) < len(matrix.rows) * len(matrix.columns):
        parts.append(f"{_NOT_RUN}: not run")
    return _wrapped(parts, "; ", width)


def _wrapped(parts: Sequence[str], separator: str, width: int) -> list[str]:
    """Join *parts* into lines that break only between them."""
    whole = separator.join(part.replace(" ", "\xa0") for part in parts)
    return [line.replace("\xa0", " ") for line in textwrap.wrap(whole, width)]


def _notes(matrix: Matrix, width: int) -> Iterator[str]:
    room = len(f"[{len(matrix.notes)}] ")
    for reason, number in matrix.notes.items():
        lines = [
            part
            for line in visible(reason).splitlines() or [""]
            for part in textwrap.wrap(line, width - room, break_on_hyphens=False) or [""]
        ]
        if len(lines) > _REASON_LINES:
            lines = [*lines[: _REASON_LINES - 1], "..."]
        for index, line in enumerate(lines):
            yield ((f"[{number}]" if index == 0 else "").ljust(room) + line).rstrip()


def _summary(matrix: Matrix, page: _Page) -> str:
    lines = _wrapped(matrix.summary().split(", "), ", ", page.width)
    return "\n".join(page.paint(line, "32" if matrix.ok else "1;31") for line in lines)
