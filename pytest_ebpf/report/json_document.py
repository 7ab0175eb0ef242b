"""The matrix for other programs. The format is in ``docs/report.md``."""

from __future__ import annotations

import json
from typing import Final

from pytest_ebpf.report.matrix import Matrix

#: Raised when a reader of the former format would misread the new one; new keys alone do not raise it.
VERSION: Final = 1


def json_document(matrix: Matrix) -> str:
    """The whole matrix as JSON text, ending in a newline. Durations are in seconds, to the microsecond."""
    document = {
        "version": VERSION,
        "ok": matrix.ok,
        "counts": {str(outcome): count for outcome, count in matrix.counts.items()},
        "rows": matrix.rows,
        "columns": matrix.columns,
        "cells": [
            {
                "row": cell.row,
                "column": cell.column,
                "outcome": str(cell.outcome),
                "reason": cell.reason,
                "duration": round(cell.duration, 6),
            }
            for cell in matrix.cells
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
