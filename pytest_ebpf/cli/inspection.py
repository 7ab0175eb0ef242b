"""``ebpf-build inspect``: what is in an object file."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from pytest_ebpf.errors import UsageError
from pytest_ebpf.inspection import Inspection
from pytest_ebpf.objects import located, render


def run(arguments: Namespace) -> int:
    """Print the facts as text or JSON, or those views of the object that are asked for, as text."""
    inspection = Inspection.read(Path(arguments.file))
    with located(inspection.path):
        if arguments.format == "json":
            text = _document(inspection, arguments)
        else:
            text = "\n\n".join(_views(inspection, arguments))
    print(text)
    return 0


def _document(inspection: Inspection, arguments: Namespace) -> str:
    from pytest_ebpf.inspection.report import to_json  # noqa: PLC0415 - each view is slow to import

    for option in ("disassemble", "graph"):
        if getattr(arguments, option):
            raise UsageError("is text", where=f"--{option}", hint="leave --format json out")
    return to_json(inspection, arguments.program)


def _views(inspection: Inspection, arguments: Namespace) -> list[str]:
    from pytest_ebpf.inspection import report  # noqa: PLC0415

    program = arguments.program
    if arguments.graph:
        if arguments.disassemble or arguments.sizes or arguments.requirements:
            raise UsageError("is a picture by itself", where="--graph", hint="ask for the rest separately")
        return [_picture(inspection, program, arguments.graph)]
    views = []
    if arguments.sizes:
        views.append(report.sizes_text(inspection, program))
    if arguments.requirements:
        views.append(report.requirements_text(inspection, program))
    if arguments.disassemble:
        from pytest_ebpf.inspection.disassembly import disassemble  # noqa: PLC0415

        views.append(disassemble(inspection, program))
    facts = report.of_program(inspection, program) if program else inspection.facts
    return views or [render.to_text(facts)]


def _picture(inspection: Inspection, program: str | None, form: str) -> str:
    from pytest_ebpf.inspection import graph  # noqa: PLC0415

    dot = graph.to_dot(inspection, program)
    return graph.to_svg(dot).rstrip("\n") if form == "svg" else dot
