"""What ``ebpf-build inspect`` says beyond the facts of the object: sizes, requirements. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pytest_ebpf.inspection.opened import Inspection
from pytest_ebpf.inspection.references import References
from pytest_ebpf.inspection.sections import sections
from pytest_ebpf.objects import ObjectFacts
from pytest_ebpf.objects.instructions import SIZE
from pytest_ebpf.objects.render import table, to_document
from pytest_ebpf.requirements import ProgramRequirements, Requirement
from pytest_ebpf.requirements.model import asked_once


def of_program(inspection: Inspection, program: str) -> ObjectFacts:
    """The facts of one program alone: itself, the maps and variables it refers to, its relocations."""
    found = inspection.program(program)
    functions = inspection.functions(program)
    references = References(inspection)
    used = {each.name for function in functions for each in references.of(function)}
    names = {each.name for each in functions}
    facts = inspection.facts
    return replace(
        facts,
        programs=(found,),
        maps=tuple(each for each in facts.maps if each.name in used),
        globals=tuple(each for each in facts.globals if each.name in used),
        relocations=tuple(each for each in facts.relocations if each.program in names),
    )


def sizes_text(inspection: Inspection, program: str | None) -> str:
    """The sections of the file, if all of it is asked for, and its functions with their sizes."""
    parts = [] if program else [_section_table(inspection)]
    linker = inspection.linker
    rows = [
        [
            each.name,
            each.section.name,
            str(each.size // SIZE),
            str(each.size),
            str(linker.body(each).stack),
            str(linker.line(each, 0) or "").rpartition("/")[2],
        ]
        for each in inspection.functions(program)
    ]
    if rows:
        head = ("name", "section", "insns", "bytes", "stack", "source")
        parts.append(table(f"Functions ({len(rows)})", head, rows, {2, 3, 4}))
    return "\n".join(parts).rstrip("\n")


def _section_table(inspection: Inspection) -> str:
    found = sections(inspection.elf)
    rows = [[each.name, each.type, str(each.size), str(each.stored), each.purpose] for each in found]
    rows.append(["total", "", str(sum(each.size for each in found)), str(len(inspection.data)), "the file"])
    return table(f"Sections ({len(found)})", ("name", "type", "bytes", "in the file", "holds"), rows, {2, 3})


def requirements_text(inspection: Inspection, program: str | None) -> str:
    """What is asked of a kernel, by program; each thing once with where it is asked first."""
    parts = []
    if program is None and inspection.requirements.common:
        rows = [_row(each) for each in asked_once(inspection.requirements.common)]
        parts.append(_requirements_table("Asked by the object as a whole", rows))
    for each in _programs(inspection, program):
        rows = [_row(need) for need in asked_once(each.requirements)]
        parts.append(_requirements_table(f"Asked by {each.name}", rows))
    return "\n".join(parts).rstrip("\n") or "It asks for nothing."


def _requirements_table(title: str, rows: list[list[str]]) -> str:
    return table(f"{title} ({len(rows)})", ("kind", "what", "how", "source"), rows, set())


def _programs(inspection: Inspection, program: str | None) -> Iterator[ProgramRequirements]:
    if program is not None:
        inspection.program(program)
    for each in inspection.requirements.programs:
        if program in {None, each.name}:
            yield each


def _row(need: Requirement) -> list[str]:
    how = [need.relocation.kind] if need.relocation else []
    how += ["may be missing"] if need.weak else []
    how += [f"for {need.subject}"] if need.subject else []
    place = need.source.quoted if need.source else ""
    return [need.kind.replace("_", " "), need.name, ", ".join(how), place]


def to_json(inspection: Inspection, program: str | None) -> str:
    """Everything as a JSON document, described in ``docs/inspect.md``."""
    document = to_document(of_program(inspection, program) if program else inspection.facts)
    functions = inspection.functions(program)
    references = References(inspection)
    document["sections"] = [vars(each) for each in sections(inspection.elf)]
    document["functions"] = [
        {
            "name": each.name,
            "section": each.section.name,
            "offset": each.start,
            "instructions": each.size // SIZE,
            "stack": inspection.linker.body(each).stack,
            "source": str(source) if (source := inspection.linker.line(each, 0)) else None,
        }
        for each in functions
    ]
    document["references"] = [vars(each) for function in functions for each in references.of(function)]
    common = () if program else inspection.requirements.common
    asked = [need for each in _programs(inspection, program) for need in each.requirements]
    document["requirements"] = [_need(each) for each in (*common, *asked)]
    return json.dumps(document, indent=2)


def _need(need: Requirement) -> dict[str, Any]:
    return {
        "kind": need.kind,
        "name": need.name,
        "number": need.number,
        "program": need.program,
        "function": need.function,
        "instruction": need.instruction,
        "source": str(need.source) if need.source else None,
        "text": need.source.text if need.source else None,
        "weak": need.weak,
        "stage": need.stage,
        "relocation": need.relocation.kind if need.relocation else None,
        "subject": need.subject,
    }
