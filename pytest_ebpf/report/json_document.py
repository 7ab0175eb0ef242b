"""The matrix for other programs, and read back. The format is in ``docs/report.md``."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pytest_ebpf.report.matrix import Cell, Matrix, Section
from pytest_ebpf.report.outcome import Outcome
from pytest_ebpf.report.run import Prediction, Run
from pytest_ebpf.report.sizes import read_size, size_entry
from pytest_ebpf.report.versioned import VERSION, read_versioned


def json_document(run: Matrix | Run, *, brief: bool = False) -> str:
    """The whole *run* (or no more of it than its matrix) as JSON text, ending in a newline.

    Durations are in seconds, to the microsecond. A *brief* one is written closely and without sections:
    enough to compare a later run with.
    """
    matrix = run if isinstance(run, Matrix) else run.matrix
    document = {
        "version": VERSION,
        **({} if isinstance(run, Matrix) else {"project": run.project, "began": run.began}),
        "ok": matrix.ok,
        "counts": {str(outcome): count for outcome, count in matrix.counts.items()},
        "rows": matrix.rows,
        "columns": matrix.columns,
        "cells": [_cell(cell, brief=brief) for cell in matrix.cells],
        **({} if isinstance(run, Matrix) else _rest(run)),
    }
    layout: dict[str, Any] = {"separators": (",", ":")} if brief else {"indent": 2}
    return json.dumps(document, ensure_ascii=False, **layout) + "\n"


def _cell(cell: Cell, *, brief: bool) -> dict[str, Any]:
    said: dict[str, Any] = {
        "row": cell.row,
        "column": cell.column,
        "outcome": str(cell.outcome),
        "reason": cell.reason,
        "duration": round(cell.duration, 6),
    }
    if cell.test and not brief:
        said["test"] = cell.test
        said["sections"] = [{"title": each.title, "text": each.text} for each in cell.sections]
    return said


def _rest(run: Run) -> dict[str, Any]:
    programs = [size_entry(each) for each in run.programs]
    predictions = {"compared": run.predictions, "wrong": [asdict(each) for each in run.mispredicted]}
    return {"duration": round(run.seconds, 6), "programs": programs, "predictions": predictions}


def read_document(text: str) -> Run:
    """Return the run that *text* tells of. ValueError, with a sentence for the user, if it does not."""
    return read_versioned(text, "is no matrix", _run)


def _run(said: dict[str, Any]) -> Run:
    cells = [
        Cell(
            row=str(each["row"]),
            column=str(each["column"]),
            outcome=Outcome(each["outcome"]),
            reason=each["reason"],
            duration=float(each["duration"]),
            test=str(each.get("test", "")),
            sections=tuple(
                Section(str(part["title"]), str(part["text"])) for part in each.get("sections", ())
            ),
        )
        for each in said["cells"]
    ]
    run = Run.of(
        Matrix.of(cells),
        [read_size(each) for each in said.get("programs", ())],
        project=str(said.get("project", "")),
        began=str(said.get("began", "")),
        seconds=float(said.get("duration", 0)),
    )
    predictions = said.get("predictions", {"compared": 0, "wrong": ()})
    wrong = tuple(
        Prediction(**{key: str(text) for key, text in each.items()}) for each in predictions["wrong"]
    )
    return replace(run, predictions=int(predictions["compared"]), mispredicted=wrong)


def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the document."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("matrix.schema.json").read_text("utf-8"))
    return found
