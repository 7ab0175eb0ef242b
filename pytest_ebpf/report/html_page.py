"""The run as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Final

from pytest_ebpf.report.changes import Changes
from pytest_ebpf.report.html_data import page_data, page_details
from pytest_ebpf.report.run import Run

_PARTS: Final = Path(__file__).with_name("page")

#: One after the other, within one function.
_SCRIPTS: Final = ("data.js", "grid.js", "keys.js", "filters.js", "panel.js", "chart.js", "main.js")

_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")


def html(run: Run, changes: Changes | None = None) -> str:
    """Return the page; *changes* are those since an earlier run.

    Its Content-Security-Policy allows the script and the style that are in it, by their hashes, and nothing
    else: what a test printed cannot become code, and nothing can be fetched.
    """
    scripts = "\n".join((_PARTS / name).read_text("utf-8") for name in _SCRIPTS)
    script = f'\n(() => {{\n"use strict";\n\n{scripts}}})();\n'
    style = "\n" + (_PARTS / "style.css").read_text("utf-8")
    parts = {
        "title": escape(f"{run.project}: {run.matrix.summary()}" if run.project else run.matrix.summary()),
        "policy": f"default-src 'none'; img-src data:; script-src {_hash(script)}; style-src {_hash(style)}",
        "style": style,
        "script": script,
        "data": page_data(run, changes),
        "details": page_details(run),
    }
    return _PLACE.sub(lambda place: parts[place[1]], (_PARTS / "page.html").read_text("utf-8"))


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
