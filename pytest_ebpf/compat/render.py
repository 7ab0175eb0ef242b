"""Verdicts as text, Markdown and JSON. Returns strings, prints nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pytest_ebpf.compat.model import Lack, Report, Status, Verdict

#: Counts up when a key is taken away or changes its meaning.
VERSION: Final = 1

#: Where nothing is promised.
_NOTHING: Final = "-"

_MARKS: Final = {Status.WORKS: "works", Status.CANNOT: "NO", Status.UNKNOWN: "?"}
_LEGEND: Final = {
    Status.CANNOT: "NO: cannot work there",
    Status.UNKNOWN: "?: cannot be told without booting it",
}


class _Notes:
    """Reasons, each told once, by number."""

    def __init__(self) -> None:
        self._numbers: dict[Lack, int] = {}

    def mark(self, verdict: Verdict | None) -> str:
        """What stands in a cell: ``works``, ``NO[1]``, ``?[2]``; ``-`` where nothing is promised."""
        if verdict is None or not verdict.promised:
            return _NOTHING
        return f"{_MARKS[verdict.status]}{self.number(verdict)}"

    def number(self, verdict: Verdict) -> str:
        """``[1]``, of what decides; "" for a program that works."""
        if verdict.reason is None:
            return ""
        return f"[{self._numbers.setdefault(verdict.reason, len(self._numbers) + 1)}]"

    def lines(self) -> list[str]:
        """All of them."""
        return [f"[{number}] {lack}" for lack, number in self._numbers.items()]


def text(report: Report) -> str:
    """A table of programs and kernels, what each mark means, and on which kernels each object works."""
    notes = _Notes()
    table = [["program", *report.kernels]]
    objects: dict[int, str] = {}
    for row in report.rows:
        found = report.of(row)
        if row[0] not in objects.values():
            objects[len(table)] = row[0]
        table.append([f"  {row[1]}", *(notes.mark(found.get(kernel)) for kernel in report.kernels)])
    lines = []
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for at, cells in enumerate(table):
        if at in objects:
            lines.append(objects[at])
        lines.append("  ".join(map(str.ljust, cells, widths)).rstrip())
    explained = [*_legend(report), *notes.lines()]
    return "\n".join([*lines, "", *explained, *([""] if explained else []), *_conclusions(report, notes)])


def markdown(report: Report) -> str:
    """The table for GitHub, with a line for each reason."""
    notes = _Notes()
    lines = [
        f"| program | {' | '.join(report.kernels)} |",
        "|---|" + "---|" * len(report.kernels),
    ]
    for row in report.rows:
        found = report.of(row)
        marks = " | ".join(notes.mark(found.get(kernel)) for kernel in report.kernels)
        lines.append(f"| `{row[0]}: {row[1]}` | {marks} |")
    explained = [f"- {_escaped(note)}" for note in [*_legend(report), *notes.lines()]]
    concluded = [f"- {line}" for line in _conclusions(report, notes)]  # as lines they would be one paragraph
    return "\n".join([*lines, "", *explained, *concluded])


def json_document(report: Report) -> str:
    """The document for programs that ``docs/check.md`` describes."""
    document = {
        "version": VERSION,
        "ok": report.ok,
        "kernels": list(report.kernels),
        "objects": [
            {"object": name, "works_on": report.works_on(name), "programs": _programs(report, name)}
            for name in _objects(report)
        ],
    }
    return json.dumps(document, indent=2)


def _programs(report: Report, name: str) -> list[dict[str, Any]]:
    rows = [row for row in report.rows if row[0] == name]
    return [
        {
            "program": row[1],
            "required": any(each.required for each in report.of(row).values()),
            "alternative": next((each.alternative for each in report.of(row).values()), None),
            "verdicts": [_verdict(each) for each in report.of(row).values()],
        }
        for row in rows
    ]


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "kernel": verdict.kernel,
        "status": verdict.status.value,
        "promised": verdict.promised,
        "reasons": [_lack(each) for each in verdict.lacks],
    }


def _lack(lack: Lack) -> dict[str, Any]:
    source = lack.source
    return {
        "what": lack.what,
        "certain": lack.certain,
        "stage": lack.stage.value,
        "file": source.file if source else None,
        "line": source.line if source else None,
        "source": source.text.strip() if source else None,
        "instead": lack.instead or None,
    }


def _objects(report: Report) -> Sequence[str]:
    return list(dict.fromkeys(row[0] for row in report.rows))


def _legend(report: Report) -> list[str]:
    there = {each.status for each in report.verdicts if each.promised}
    lines = [line for status, line in _LEGEND.items() if status in there]
    if not all(each.promised for each in report.verdicts):
        lines.append(f"{_NOTHING}: declared for other kernels")
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for each in report.verdicts:
        if each.alternative:
            groups.setdefault((each.object, each.alternative), {})[each.program] = None
    return [*lines, *(f"{name}: {group} is one of {', '.join(of)}" for (name, group), of in groups.items())]


def _conclusions(report: Report, notes: _Notes) -> Iterable[str]:
    """Where each object works; then, last and so what is seen first, what makes the check fail."""
    for name in _objects(report):
        kernels = report.works_on(name)
        if len(kernels) == len(report.kernels):
            where = "all of them" if len(kernels) > 1 else kernels[0]
        else:
            where = ", ".join(kernels) or _nowhere(report, name)
        yield f"{name} works on {where}"
    yield from _failures(report, notes)


def _failures(report: Report, notes: _Notes) -> Iterable[str]:
    """The programs for which the check fails; where they are the same on several kernels, once."""
    programs: dict[tuple[str, str], list[str]] = {}
    for each in report.broken:
        programs.setdefault((each.object, each.kernel), []).append(f"{each.program}{notes.number(each)}")
    kernels: dict[tuple[str, str], list[str]] = {}
    for (name, kernel), listed in programs.items():
        kernels.setdefault((name, ", ".join(listed)), []).append(kernel)
    for (name, failing), refused in kernels.items():
        yield f"{name} cannot work on {', '.join(refused)}: {failing}"


def _nowhere(report: Report, name: str) -> str:
    """What is said of an object that is not known to work anywhere: on some kernel it may nevertheless."""
    broken = {each.kernel for each in report.broken if each.object == name}
    return "none of them" if broken >= set(report.kernels) else "none of them for sure"


def _escaped(note: str) -> str:
    return note.replace("|", "\\|").replace("<", "&lt;")
