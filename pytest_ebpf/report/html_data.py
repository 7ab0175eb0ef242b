"""What the HTML page knows, as text that is safe inside of it.

The page needs all outcomes at once, so these are written closely: a letter for each place, every text once.
What is told of failures is long and looked at one by one: it is compressed, and unpacked by the browser.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final

from pytest_ebpf.report.changes import Changes, Kind
from pytest_ebpf.report.names import name_of
from pytest_ebpf.report.outcome import BAD, FACES, Outcome
from pytest_ebpf.report.run import Run

_OUTCOMES: Final = tuple(Outcome)
_LETTERS: Final = {outcome: chr(ord("a") + number) for number, outcome in enumerate(_OUTCOMES)}
_NOT_RUN: Final = "-"

#: What ends a script element, or begins a comment in one, is escaped as JSON allows it.
_HARMLESS: Final = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&"})

#: Characters that details may take, so that a page stays below 3 MB.
_ROOM: Final = 2_300_000

#: Lines that are kept of each text: all, and if these are too many, the last ones.
_LINES: Final = (1 << 30, 40, 12, 4, 1)


class _Texts:
    """Texts by number, each kept once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    @property
    def all(self) -> list[str]:
        return list(self._numbers)


def page_data(run: Run, changes: Changes | None) -> str:
    """Return the outcomes as JSON in ASCII, for a ``script`` element that is not run.

    Places are numbered by rows and then columns. ``outcomes`` has a letter for each, ``times`` milliseconds,
    ``reasons`` the number of a text, ``was`` the letter of a former outcome ("-" for none).
    """
    matrix, texts = run.matrix, _Texts()
    places = [matrix.cell(row, column) for row in matrix.rows for column in matrix.columns]
    said: dict[str, Any] = {
        "project": run.project,
        "began": run.began,
        "seconds": round(run.seconds, 3),
        "summary": matrix.summary(),
        "ok": matrix.ok,
        "faces": [
            [str(outcome), FACES[outcome].mark, FACES[outcome].meaning, outcome in BAD]
            for outcome in _OUTCOMES
        ],
        "rows": _rows(matrix.rows),
        "columns": matrix.columns,
        "outcomes": "".join(_LETTERS[cell.outcome] if cell else _NOT_RUN for cell in places),
        "times": [round(cell.duration * 1000) if cell else 0 for cell in places],
        "reasons": {at: texts.number(cell.reason) for at, cell in enumerate(places) if cell and cell.reason},
        "texts": texts.all,
        "programs": _programs(run, changes),
        "changes": _changes(run, changes) if changes else None,
    }
    return _closely(said).translate(_HARMLESS)


def page_details(run: Run) -> str:
    """Return what is told of cells, as base64 of zlib's format of JSON: places, and texts by number.

    Where that would be more than a page should have, each text is cut to its last lines, and says so.
    """
    packed = ""
    for lines in _LINES:
        packed = b64encode(zlib.compress(_closely(_details(run, lines)).encode())).decode()
        if len(packed) <= _ROOM:
            break
    return packed


def _details(run: Run, lines: int) -> dict[str, Any]:
    matrix, texts = run.matrix, _Texts()
    places = [matrix.cell(row, column) for row in matrix.rows for column in matrix.columns]
    cells = {
        at: [
            cell.test,
            [[texts.number(each.title), texts.number(_cut(each.text, lines))] for each in cell.sections],
        ]
        for at, cell in enumerate(places)
        if cell and cell.test
    }
    return {"cells": cells, "texts": texts.all}


def _cut(text: str, lines: int) -> str:
    left_out = text.count("\n") + 1 - lines
    if left_out <= 0:
        return text
    kept = "\n".join(text.splitlines()[-lines:])
    return f"({left_out} lines left out here, matrix.json has them)\n{kept}"


def _closely(said: Any) -> str:
    return json.dumps(said, separators=(",", ":"))


def _rows(rows: Sequence[str]) -> list[list[str]]:
    """Group and own name of each; a group that is the one before is left out."""
    found: list[list[str]] = []
    group = ""
    for row in rows:
        name = name_of(row)
        found.append([name.own] if name.group == group else [name.own, name.group])
        group = name.group
    return found


def _programs(run: Run, changes: Changes | None) -> list[list[Any]]:
    """Object, program, and by column what the verifier went through, now and before; the largest first.

    Then, where that is known, by column the states that it kept and the bytes of stack.
    """
    told = {(size.object, size.program, size.column): size for size in run.programs}
    sizes = {place: size.verified_insns for place, size in told.items()}
    before = changes.sizes if changes else {}
    more = {
        place: [size.states, size.stack]
        for place, size in told.items()
        if size.states is not None and size.stack is not None
    }
    found = [
        [
            object_,
            program,
            *(
                [which.get((object_, program, column), 0) for column in run.matrix.columns]
                for which in (sizes, before)
            ),
            *([[more.get((object_, program, column), 0) for column in run.matrix.columns]] if more else []),
        ]
        for object_, program in dict.fromkeys((size.object, size.program) for size in run.programs)
    ]
    return sorted(found, key=lambda each: (-max(each[2], default=0), each[0], each[1]))


def _changes(run: Run, changes: Changes) -> dict[str, Any]:
    rows = {row: number for number, row in enumerate(run.matrix.rows)}
    columns = {column: number for number, column in enumerate(run.matrix.columns)}
    was: dict[int, list[Any]] = {}
    for change in changes.cells:
        if change.kind is not Kind.GONE:
            at = rows[change.row] * len(columns) + columns[change.column]
            was[at] = [str(change.kind), _LETTERS[change.before] if change.before else _NOT_RUN]
    return {"since": changes.since, "summary": changes.summary(), "was": was}
