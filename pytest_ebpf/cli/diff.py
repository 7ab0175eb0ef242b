"""``ebpf-build diff``: in what two object files differ."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from pytest_ebpf.errors import ObjectError, UsageError
from pytest_ebpf.inspection import Inspection
from pytest_ebpf.inspection import difference_report as report
from pytest_ebpf.inspection.difference import difference


def run(arguments: Namespace) -> int:
    """Print the differences; 0 if there are none, 1 if there are some, 2 if they cannot be told, as diff."""
    try:
        found = difference(*(Inspection.read(Path(each)) for each in (arguments.old, arguments.new)))
    except ObjectError as error:
        raise UsageError(error.what, where=error.where, hint=error.hint) from error
    forms = {"text": report.to_text, "json": report.to_json, "markdown": report.to_markdown}
    print(forms[arguments.format](found))
    return 1 if found.changes else 0
