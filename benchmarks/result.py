"""What a benchmark found, and the table of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """What a figure in *unit* must keep to: *limit* at most, or at least."""

    limit: float
    unit: str
    at_least: bool = False

    def met(self, figure: float) -> bool:
        """Whether *figure* is on the right side."""
        return figure >= self.limit if self.at_least else figure <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {written(self.limit, self.unit)}"


@dataclass(frozen=True)
class Result:
    """One line of the table. *bar* is None for what is only told; *detail* says what the figure is of."""

    claim: str
    figure: float
    unit: str
    bar: Bar | None = None
    detail: str = ""

    @property
    def verdict(self) -> str:
        """``pass`` or ``MISS``, nothing where there is no bar."""
        return "" if self.bar is None else "pass" if self.bar.met(self.figure) else "MISS"


def written(figure: float, unit: str) -> str:
    """Write a number as people read it: ``0.21``, ``84 ms``, ``31,000/s``."""
    if unit == "ratio":
        return f"{figure:.2f}"
    if unit == "/s":
        return f"{round(figure, -2):,.0f}/s"
    return f"{figure:.0f} {unit}" if figure >= 10 else f"{figure:.1f} {unit}"


_HEADING = ("claim", "bar", "measured", "", "of")


def rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Return the cells of the table, the heading first."""
    return [
        _HEADING,
        *(
            (each.claim, str(each.bar or ""), written(each.figure, each.unit), each.verdict, each.detail)
            for each in results
        ),
    ]


def text(results: Sequence[Result]) -> str:
    """Return the table for a terminal."""
    cells = rows(results)
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADING))]
    return "\n".join(_line(row, widths) for row in cells)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def markdown(results: Sequence[Result], *, heading: str) -> str:
    """Return the table as a Markdown document, under what it was measured on."""
    return "\n".join([heading, "", *_markdown_lines(rows(results))]) + "\n"


def _markdown_lines(cells: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _pipe(cells[0])
    yield _pipe(["---"] * len(_HEADING))
    yield from map(_pipe, cells[1:])


def _pipe(row: Sequence[str]) -> str:
    return "| " + " | ".join(row) + " |"
