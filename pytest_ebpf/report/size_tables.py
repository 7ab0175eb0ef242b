"""What the verifier had to do for programs, as tables: text for a terminal, Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from pytest_ebpf.report.markdown_table import code, escaped
from pytest_ebpf.report.run import ProgramSize
from pytest_ebpf.report.sizes import FIGURES

#: How the columns of figures are headed.
_HEADS: Final[Mapping[str, str]] = {
    "verified_insns": "instructions",
    "states": "states",
    "peak_states": "at once",
    "stack": "stack",
    "load_time": "time",
}

#: Of each figure that is held to a budget, whether it is over it.
Over = Mapping[ProgramSize, Iterable[str]]


def size_text(
    sizes: Sequence[ProgramSize], before: Mapping[ProgramSize, ProgramSize], over: Over, *, emulated: bool
) -> str:
    """Return the figures of each program by kernel; ``!`` marks what is *over* its budget.

    What has changed since *before* says by how much.
    """
    rows = [_row(size, before.get(size), frozenset(over.get(size, ()))) for size in sizes]
    kernels = max([len("kernel"), *(len(size.column) for size in sizes)])
    widths = [max(map(len, column)) for column in zip(_HEADS.values(), *rows, strict=True)]
    lines = [_line("  " + "kernel".ljust(kernels), [*_HEADS.values()], widths)]
    number = 0
    for name, group in groupby(sizes, key=_name):
        lines.append(name)
        for size in group:
            lines.append(_line("  " + size.column.ljust(kernels), rows[number], widths))
            number += 1
    return "\n".join([*lines, "", *_legend(emulated=emulated)])


def size_markdown(
    sizes: Sequence[ProgramSize], before: Mapping[ProgramSize, ProgramSize], over: Over, *, emulated: bool
) -> str:
    """Return the same as a table of GitHub's Markdown, in which what is *over* its budget is bold."""
    lines = [
        f"| program | kernel | {' | '.join(_HEADS.values())} |",
        "| :-- | :-- |" + " --: |" * len(_HEADS),
    ]
    for size in sizes:
        exceeded = frozenset(over.get(size, ()))
        row = [
            f"**{cell}**" if figure in exceeded else cell
            for figure, cell in zip(_HEADS, _row(size, before.get(size), frozenset()), strict=True)
        ]
        lines.append(f"| {code(_name(size))} | {escaped(size.column)} | {' | '.join(row)} |")
    return "\n".join([*lines, "", *_legend(emulated=emulated)])


def by(value: int, base: int) -> str:
    """How much *value* is from *base*, without a sign: in percent, or as a number below one percent."""
    share = abs(value - base) * 100 / base if base else 0
    return f"{share:,.0f} %" if share >= 1 else f"{abs(value - base):,}"


def _name(size: ProgramSize) -> str:
    return f"{size.object}: {size.program}"


def _line(head: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    return (
        f"{head}  {'  '.join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))}".rstrip()
    )


def _row(size: ProgramSize, before: ProgramSize | None, over: frozenset[str]) -> list[str]:
    return [
        *(
            _figure(getattr(size, name), getattr(before, name, None)) + ("!" if name in over else "")
            for name in FIGURES
        ),
        "-" if size.load_time is None else f"{size.load_time * 1e3:,.1f} ms",
    ]


def _figure(now: int | None, before: int | None) -> str:
    if now is None:
        return "-"
    if before is None or now == before:
        return f"{now:,}"
    return f"{'+' if now > before else '-'}{by(now, before)} {now:,}"


def _legend(*, emulated: bool) -> Iterator[str]:
    yield "stack: bytes, of all functions of a program together"
    yield "time: of the verifier" + (", emulated: it tells nothing of a real machine" if emulated else "")
