"""``ebpf-build doctor``: what works and what does not on this host, on one screen."""

from __future__ import annotations

import json
import shutil
import textwrap
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Final

from pytest_ebpf.cli.progress import say
from pytest_ebpf.cli.project import manifest_if_any
from pytest_ebpf.session.health import Finding, State, examine, healthy

_MARKS: Final[dict[State, str]] = {"ok": "ok", "note": "--", "fail": "FAIL"}

#: Columns before what was found: a mark, a name.
_INDENT: Final = 18
_WIDEST: Final = 100
_MEND: Final = "      mend: "

#: Counts up when a key is taken away or changes its meaning.
_VERSION: Final = 1


def run(arguments: Namespace) -> int:
    """Print what was found; 1 if eBPF programs cannot be built or tested here."""
    findings = examine(manifest_if_any(arguments), Path.cwd(), say=say)
    print(
        to_json(findings)
        if arguments.format == "json"
        else to_text(findings, width=shutil.get_terminal_size().columns)
    )
    return 0 if healthy(findings) else 1


def to_text(findings: Sequence[Finding], *, width: int) -> str:
    """Return a line or two for each finding, and a last one that says what follows from them.

    What mends several findings in a row stands after the last of them.
    """
    lines: list[str] = []
    for finding, after in zip_longest(findings, findings[1:]):
        lines += _wrapped(f"{_MARKS[finding.state]:<4}  {finding.name:<12}", finding.what, width)
        if finding.mend and (after is None or after.mend != finding.mend):
            lines.append(f"{_MEND}{finding.mend}")  # in one piece, to be copied
    return "\n".join([*lines, _conclusion(findings)])


def to_json(findings: Sequence[Finding]) -> str:
    """Return the findings as a document for programs."""
    document = {
        "version": _VERSION,
        "ok": healthy(findings),
        "findings": [asdict(finding) for finding in findings],
    }
    return json.dumps(document, indent=2)


def _wrapped(head: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width=max(_INDENT + 20, min(width, _WIDEST)),
        initial_indent=f"{head:<{_INDENT}}",
        subsequent_indent=" " * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _conclusion(findings: Sequence[Finding]) -> str:
    failed = sum(finding.state == "fail" for finding in findings)
    if failed:
        return f"{failed} of {len(findings)} FAIL: eBPF programs cannot be tested here yet"
    if any(finding.state == "note" for finding in findings):
        return "all that is needed is here; lines marked -- could be better"
    return "all that is needed is here"
