"""Object facts as text for a terminal, and as JSON for programs. Pure: returns what to print."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Literal

from pytest_ebpf.btf import Array, Enum, Int
from pytest_ebpf.objects.maps import flag_names
from pytest_ebpf.objects.model import GlobalFacts, MapFacts, ObjectFacts, ProgramFacts
from pytest_ebpf.uapi import AttachType, ProgType

#: Version of the JSON document: it rises when something is taken away or changes its meaning.
VERSION: Final = 1

#: Rows of CO-RE relocations in the text, so that an object stays on a screen.
_CORE_SHOWN: Final = 12


def to_text(facts: ObjectFacts) -> str:
    """What ``ebpf-build inspect`` prints: a heading, then a table for each sort of thing that is there."""
    parts = [_heading(facts)]
    if facts.lost:
        parts.append(f"No programs: {facts.lost}\n")
    if facts.programs:
        rows = [_program_row(each) for each in facts.programs]
        head = ("name", "section", "type", "insns", "with calls", "source")
        parts.append(table(f"Programs ({len(rows)})", head, rows, {3, 4}))
    if facts.maps:
        rows = [_map_row(each) for each in _with_inner(facts.maps)]
        head = ("name", "type", "key", "value", "entries", "flags")
        parts.append(table(f"Maps ({len(facts.maps)})", head, rows, {4}))
    if facts.globals:
        rows = [_global_row(each, facts) for each in facts.globals]
        parts.append(
            table(f"Globals ({len(rows)})", ("name", "section", "type", "bytes", "initial"), rows, {3})
        )
    if facts.relocations:
        parts.append(_core_table(facts))
    return "\n".join(parts).rstrip("\n")


def _heading(facts: ObjectFacts) -> str:
    license_ = facts.license if facts.license is not None else "none (the kernel wants one)"
    order = "big" if facts.big_endian else "little"
    types = f"BTF with {len(facts.btf) - 1} types" if facts.btf is not None else "no BTF (compile with -g)"
    return f"{facts.path}\nlicense {license_}, {order}-endian, {types}\n"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], right: set[int]) -> str:
    """An aligned table; columns *right* hold numbers. A column that is empty throughout is left out."""
    kept = [at for at in range(len(head)) if any(row[at] for row in rows)]
    lines = [[head[at] for at in kept], *([row[at] for at in kept] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(kept))]
    text = [title]
    for line in lines:
        cells = [
            cell.rjust(width) if at in right else cell.ljust(width)
            for cell, width, at in zip(line, widths, kept, strict=True)
        ]
        text.append(("  " + "  ".join(cells)).rstrip())
    return "\n".join(text) + "\n"


def _program_row(program: ProgramFacts) -> list[str]:
    total = program.total_instructions if program.subprograms else 0
    kind = _type_name(program.prog_type)
    return [
        program.name,
        program.section if program.autoload else f"?{program.section}",
        kind or "no hook known",
        str(program.instructions),
        str(total) if total else "",
        _short(program.source),
    ]


def _type_name(number: int | None) -> str | None:
    return ProgType(number).name.lower() if number is not None else None


def _short(source: str | None) -> str:
    """``file:line`` without the folders."""
    return source.rpartition("/")[2] if source else ""


def _with_inner(maps: Sequence[MapFacts]) -> list[MapFacts]:
    return [shown for each in maps for shown in (each, each.inner) if shown is not None]


def _map_row(each: MapFacts) -> list[str]:
    kind = f"{each.type_name} (legacy)" if each.legacy else each.type_name
    return [
        each.name,
        kind,
        _sized(each.key_name, each.key_size),
        _sized(each.value_name, each.value_size),
        str(each.max_entries) if each.max_entries else "",
        " ".join([*flag_names(each.flags), *(["pinned"] if each.pinning else [])]),
    ]


def _sized(name: str | None, size: int) -> str:
    if not size:
        return name or ""
    return f"{name} ({size})" if name else f"({size})"


def _global_row(each: GlobalFacts, facts: ObjectFacts) -> list[str]:
    return [each.name, each.section, each.type_name or "", str(each.size), _initial(each, facts)]


def _initial(each: GlobalFacts, facts: ObjectFacts) -> str:
    """The initial value: an integer or the text of a char array where BTF says so, else the first bytes."""
    if each.initial is None:
        return "0"
    if facts.btf and each.type_id:
        found = facts.btf.type(facts.btf.strip(each.type_id))
        if isinstance(found, Int | Enum):
            order: Literal["big", "little"] = "big" if facts.big_endian else "little"
            return str(int.from_bytes(each.initial, order, signed=found.signed))
        if isinstance(found, Array) and facts.btf.name(facts.btf.strip(found.type_id)) == "char":
            return json.dumps(each.initial.rstrip(b"\0").decode("latin-1"))
    return each.initial[:8].hex(" ") + (" ..." if each.size > 8 else "")


def _core_table(facts: ObjectFacts) -> str:
    """What the object asks of the kernel's types, each once, with how often and where first."""
    counts = Counter((each.access, each.kind) for each in facts.relocations)
    first = {(each.access, each.kind): each for each in reversed(facts.relocations)}
    rows = [
        [
            access,
            kind,
            str(counts[access, kind]),
            _short(first[access, kind].source) or first[access, kind].program,
        ]
        for access, kind in sorted(counts)
    ]
    title = f"CO-RE relocations ({len(facts.relocations)}, {len(rows)} distinct)"
    text = table(title, ("of the kernel", "asks", "times", "first at"), rows[:_CORE_SHOWN], {2})
    left = len(rows) - _CORE_SHOWN
    return f"{text}  and {left} more, in the JSON form\n" if left > 0 else text


def to_json(facts: ObjectFacts) -> str:
    """All facts as a JSON document, described in ``docs/inspect.md``."""
    return json.dumps(to_document(facts), indent=2)


def to_document(facts: ObjectFacts) -> dict[str, Any]:
    """The document before it is JSON."""
    return {
        "version": VERSION,
        "path": str(facts.path),
        "license": facts.license,
        "endian": "big" if facts.big_endian else "little",
        "btf": facts.has_btf,
        "programs": [_program(each) for each in facts.programs],
        "maps": [_map(each) for each in facts.maps],
        "globals": [_global(each) for each in facts.globals],
        "relocations": [dataclasses.asdict(each) for each in facts.relocations],
    }


def _program(each: ProgramFacts) -> dict[str, Any]:
    attach = each.attach_type
    return {
        "name": each.name,
        "section": each.section,
        "type": _type_name(each.prog_type),
        "attach_type": AttachType(attach).name.lower() if attach is not None else None,
        "target": each.hook.target if each.hook else None,
        "autoload": each.autoload,
        "instructions": each.instructions,
        "total_instructions": each.total_instructions,
        "size": each.size,
        "source": each.source,
        "subprograms": list(each.subprograms),
        "helpers": list(each.helpers),
    }


def _map(each: MapFacts) -> dict[str, Any]:
    return {
        "name": each.name,
        "type": each.type_name,
        "key": {"type": each.key_name, "size": each.key_size},
        "value": {"type": each.value_name, "size": each.value_size},
        "max_entries": each.max_entries,
        "flags": flag_names(each.flags),
        "pinned": bool(each.pinning),
        "legacy": each.legacy,
        "inner": _map(each.inner) if each.inner else None,
    }


def _global(each: GlobalFacts) -> dict[str, Any]:
    return {
        "name": each.name,
        "section": each.section,
        "type": each.type_name,
        "offset": each.offset,
        "size": each.size,
        "constant": each.constant,
        "initial": each.initial.hex() if each.initial is not None else None,
    }
