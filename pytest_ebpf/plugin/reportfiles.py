"""Reports as files: written to a folder, appended for CI, kept for the next run, read as a baseline."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from pytest_ebpf.plugin import cachefolders
from pytest_ebpf.report import (
    Changes,
    Run,
    html,
    json_document,
    markdown,
    markdown_summary,
    read_document,
)
from pytest_ebpf.session.limits import read_report

#: The names of what is written to the folder of ``--ebpf-report``.
PAGE: Final = "report.html"

#: In the folder "ebpf" of pytest's cache.
_LAST: Final = "last-run.json"


def write(folder: Path, run: Run, changes: Changes | None) -> None:
    """Write all of the reports into *folder*, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("matrix.md", markdown(run.matrix)),
        ("matrix.json", json_document(run)),
        ("summary.md", markdown_summary(run, changes)),
        (PAGE, html(run, changes)),
    ):
        _write(folder / name, text)


def append(file: Path, run: Run, changes: Changes | None) -> None:
    """Put the summary below what other steps of the job have written."""
    with file.open("a", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(f"{markdown_summary(run, changes)}\n")


def baseline(folder: Path, name: str) -> Run:
    """Read the run to compare with; *name* is of a file, looked for from *folder*."""
    where = f"--ebpf-baseline: {name}"
    hint = "give the matrix.json that --ebpf-report wrote"
    return read_report(folder / name, read_document, where, hint)


def keep(config: pytest.Config, run: Run) -> None:
    """Have the next run know of this one. It is a cache: a run that cannot be kept is not."""
    with suppress(OSError):
        if folder := cachefolders.folder(config, "ebpf"):
            _write(folder / _LAST, json_document(run, brief=True))


def kept(config: pytest.Config) -> Run | None:
    """Return what :func:`keep` has kept, None if nothing or nothing of use."""
    with suppress(OSError, ValueError):
        if folder := cachefolders.folder(config, "ebpf"):
            return read_document((folder / _LAST).read_text("utf-8"))
    return None


def _write(file: Path, text: str) -> None:
    """Write *text*. What is no character, as of bytes that were no UTF-8, is written as JSON escapes it."""
    file.write_text(text, encoding="utf-8", errors="backslashreplace")
