"""In what two objects differ: programs, maps, variables, and what they ask of a kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from zlib import crc32

from pytest_ebpf.inspection.layouts import layout
from pytest_ebpf.inspection.opened import Inspection
from pytest_ebpf.objects import GlobalFacts, MapFacts, ObjectFacts, located
from pytest_ebpf.objects.maps import flag_names
from pytest_ebpf.requirements import Kind, ProgramRequirements, Requirement
from pytest_ebpf.requirements.model import asked_once
from pytest_ebpf.uapi import AttachType, ProgType

#: Requirements that the parts they belong to show already, or that say nothing a review asks for.
_TOLD: Final = frozenset({Kind.PROGRAM_TYPE, Kind.ATTACH_TYPE, Kind.MAP_TYPE, Kind.MAP_FLAG})


#: Bytes of an initial value.
_SHOWN: Final = 16

_WEAK: Final = {True: "nothing fails", False: "it fails"}


class Part(StrEnum):
    """What of an object a change is about, in the order in which changes are told."""

    OBJECT = "object"
    PROGRAM = "program"
    FUNCTION = "function"
    MAP = "map"
    GLOBAL = "global"
    REQUIREMENT = "requirement"


@dataclass(frozen=True)
class Change:
    """*what* of *name* is *new* and was *old*; None: it is not there at all.

    *what* is empty where the thing itself came or went. *source* is the line in the object that has it, and
    *text* what stands there.
    """

    part: Part
    name: str
    what: str
    old: str | None
    new: str | None
    source: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Difference:
    """All changes from *old* to *new*, two files, in the order of :class:`Part` and of the objects."""

    old: str
    new: str
    changes: tuple[Change, ...]


def difference(old: Inspection, new: Inspection) -> Difference:
    """Compare two objects. Where their sources and the files themselves lie is no difference."""
    changes = (
        *_object(old.facts, new.facts),
        *_programs(old, new),
        *_functions(old, new),
        *_matched(Part.MAP, _read(old, _maps), _read(new, _maps)),
        *_matched(Part.GLOBAL, _read(old, _globals), _read(new, _globals)),
        *_requirements(old, new),
    )
    return Difference(str(old.path), str(new.path), changes)


#: What is said of one thing: first the whole of it in a few words, then each property.
_Properties = tuple[str, Mapping[str, str | None]]


def _read(
    inspection: Inspection, read: Callable[[Inspection], dict[str, _Properties]]
) -> dict[str, _Properties]:
    with located(inspection.path):
        return read(inspection)


def _object(old: ObjectFacts, new: ObjectFacts) -> Iterator[Change]:
    def properties(facts: ObjectFacts) -> Mapping[str, str | None]:
        return {
            "licence": facts.license,
            "byte order": "big-endian" if facts.big_endian else "little-endian",
            "BTF": "yes" if facts.has_btf else "no",
        }

    yield from _changed(Part.OBJECT, "", properties(old), properties(new))


def _changed(
    part: Part, name: str, old: Mapping[str, str | None], new: Mapping[str, str | None]
) -> Iterator[Change]:
    for what in dict.fromkeys([*old, *new]):
        before, after = old.get(what), new.get(what)
        if before != after:
            yield Change(part, name, what, before, after)


def _matched(part: Part, old: Mapping[str, _Properties], new: Mapping[str, _Properties]) -> Iterator[Change]:
    """Things of the same name are the same thing."""
    for name in dict.fromkeys([*old, *new]):
        if name not in new:
            yield Change(part, name, "", old[name][0], None)
        elif name not in old:
            yield Change(part, name, "", None, new[name][0])
        else:
            yield from _changed(part, name, old[name][1], new[name][1])


def _programs(old: Inspection, new: Inspection) -> Iterator[Change]:
    yield from _matched(Part.PROGRAM, _read(old, _described), _read(new, _described))
    olds = {each.name: each for each in old.requirements.programs}
    for each in new.requirements.programs:
        before = olds.get(each.name)
        same_size = before is not None and before.instructions == each.instructions
        if before and same_size and before.code.instructions != each.code.instructions:
            pairs = zip(before.code.instructions, each.code.instructions, strict=True)
            count = sum(one != other for one, other in pairs)
            yield Change(Part.PROGRAM, each.name, "code", None, f"{count} of its instructions are others")


def _described(inspection: Inspection) -> dict[str, _Properties]:
    facts = {each.name: each for each in inspection.facts.programs}

    def properties(each: ProgramRequirements) -> _Properties:
        kind, attach = each.prog_type, each.attach_type
        whole = f"{each.section}, {each.instructions} instructions"
        return whole, {
            "section": each.section,
            "type": None if kind is None else ProgType(kind).name.lower(),
            "attach type": None if attach is None else AttachType(attach).name.lower(),
            "autoload": "yes" if each.autoload else "no",
            "instructions": str(each.instructions),
            "subprograms": " ".join(sorted(facts[each.name].subprograms)) or None,
            "stack": "no bound" if each.stack is None else f"{each.stack} bytes",
        }

    return {each.name: properties(each) for each in inspection.requirements.programs}


def _functions(old: Inspection, new: Inspection) -> Iterator[Change]:
    """Subprograms, by name; of those with the same name, which C allows where they are static, the sum."""
    yield from _matched(Part.FUNCTION, _read(old, _subprograms), _read(new, _subprograms))


def _subprograms(inspection: Inspection) -> dict[str, _Properties]:
    found: dict[str, tuple[int, int]] = {}
    for function in inspection.functions(None):
        if not function.is_program:
            body = inspection.linker.body(function)
            count, stack = found.get(function.name, (0, 0))
            found[function.name] = count + len(body.instructions), max(stack, body.stack)
    return {
        name: (f"{count} instructions", {"instructions": str(count), "stack": f"{stack} bytes"})
        for name, (count, stack) in found.items()
    }


def _maps(inspection: Inspection) -> dict[str, _Properties]:
    return {each.name: _map(inspection.facts, each) for each in inspection.facts.maps}


def _map(facts: ObjectFacts, each: MapFacts) -> _Properties:
    properties: dict[str, str | None] = {
        "type": each.type_name,
        "max_entries": str(each.max_entries) if each.max_entries else None,
        "flags": " ".join(flag_names(each.flags)) or None,
        "pinned by name": "yes" if each.pinning else "no",
        "definition": "legacy" if each.legacy else "BTF",
    }
    sides = (
        ("key", each.key, each.key_name, each.key_size),
        ("value", each.value, each.value_name, each.value_size),
    )
    for side, type_id, name, size in sides:
        properties[side] = name
        properties[f"{side} size"] = f"{size} bytes" if size else None
        if facts.btf and type_id:
            properties |= {f"{side}{path}": what for path, what in layout(facts.btf, type_id).items()}
    if each.inner:
        properties |= {f"inner {what}": said for what, said in _map(facts, each.inner)[1].items()}
    entries = f", max_entries {each.max_entries}" if each.max_entries else ""
    return f"{each.type_name}{entries}", properties


def _globals(inspection: Inspection) -> dict[str, _Properties]:
    facts = inspection.facts

    def properties(each: GlobalFacts) -> _Properties:
        found: dict[str, str | None] = {
            "section": each.section,
            "type": each.type_name,
            "size": f"{each.size} bytes",
            "initial": _initial(each.initial or b""),
        }
        if facts.btf and each.type_id:
            found |= layout(facts.btf, each.type_id)
        return f"{each.type_name or f'{each.size} bytes'} in {each.section}", found

    return {each.name: properties(each) for each in facts.globals}


def _initial(data: bytes) -> str:
    """The bytes without the zeros at their end; of many the first, and a checksum of all."""
    data = data.rstrip(b"\0")
    if len(data) <= _SHOWN:
        return f"hex {data.hex(' ')}" if data else "0"
    return f"hex {data[:_SHOWN].hex(' ')} ... (crc32 {crc32(data):08x})"


_Asked = Mapping[tuple[str, ...], Requirement]


def _requirements(old: Inspection, new: Inspection) -> Iterator[Change]:
    """What is asked of a kernel: by the object, else by one of its programs that both objects have.

    What is told with programs and maps already is left out.
    """
    before, after = _asked(_all(old)), _asked(_all(new))
    told = before.keys() ^ after.keys()
    yield from _gained_and_lost(before, after)
    olds = {each.name: each for each in old.requirements.programs}
    for program in new.requirements.programs:
        if program.name in olds:
            lists = _asked(olds[program.name].requirements), _asked(program.requirements)
            yield from _gained_and_lost(
                *({key: need for key, need in each.items() if key not in told} for each in lists)
            )


def _gained_and_lost(before: _Asked, after: _Asked) -> Iterator[Change]:
    for key in dict.fromkeys([*before, *after]):
        if key not in after:
            yield _requirement(before[key], is_new=False)
        elif key not in before:
            yield _requirement(after[key], is_new=True)
        elif before[key].weak != after[key].weak:
            name, old, new = _name(after[key]), _WEAK[before[key].weak], _WEAK[after[key].weak]
            yield Change(Part.REQUIREMENT, name, "when it is not there", old, new, *_line(after[key]))


def _all(inspection: Inspection) -> Iterator[Requirement]:
    yield from inspection.requirements.common
    for each in inspection.requirements.programs:
        yield from each.requirements


def _asked(needs: Iterable[Requirement]) -> dict[tuple[str, ...], Requirement]:
    """Each thing once."""
    return {each.key: each for each in asked_once(need for need in needs if need.kind not in _TOLD)}


def _name(need: Requirement) -> str:
    asks = f" ({need.relocation.kind})" if need.relocation else ""
    return f"{need.kind.replace('_', ' ')} {need.name}{asks}"


def _line(need: Requirement) -> tuple[str | None, str | None]:
    return (str(need.source), need.source.text or None) if need.source else (None, None)


def _requirement(need: Requirement, *, is_new: bool) -> Change:
    who = need.program or "the object"
    old, new = (None, who) if is_new else (who, None)
    return Change(Part.REQUIREMENT, _name(need), "", old, new, *_line(need))
