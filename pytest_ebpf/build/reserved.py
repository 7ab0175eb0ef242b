"""Names that the headers of every source have already, so that the manifest cannot declare them as well.

What the kernel's types are called is no such name: ``vmlinux.h`` gives way. Nor are the functions of C's
library that a compiler knows by itself: it is told to forget those whose names are declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from pytest_ebpf.errors import Problem
from pytest_ebpf.manifest.model import EnumDecl
from pytest_ebpf.manifest.reader import KeyPath, Manifest

_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_DIRECTIVE: Final = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
_MACRO: Final = re.compile(r"[ \t]*#[ \t]*define[ \t]+(\w+)(\(?)")
_HELPER: Final = re.compile(r"\(\*\s*const\s+(\w+)\)")
_FUNCTION: Final = re.compile(r"^(?:static|extern)\b[^;{}()]*?\b(\w+)\s*\((?!\*)", re.MULTILINE)
_TAG: Final = re.compile(r"\b(?:struct|union|enum)\s+(\w+)\s*\{")
_ENUM: Final = re.compile(r"\benum\b[^;{}()]*\{([^}]*)\}")
_CONSTANT: Final = re.compile(r"(?:^|,)\s*(\w+)")
_TYPEDEF: Final = re.compile(r"^typedef\b[^;]*?(\w+);", re.MULTILINE)
_VARIABLE: Final = re.compile(r"^char (\w+)\[", re.MULTILINE)

_HINT: Final = "choose another name"


@dataclass(frozen=True)
class Reserved:
    """The names that headers define, each with what it is: ``a macro of bpf_helpers.h``.

    *words* are macros without parameters, which replace a name wherever it stands; *calls* those with
    parameters, which replace only what a parenthesis follows, as it does a function; *ordinary* are
    functions, variables, typedefs and constants; *tags* are of structs, unions and enums.
    """

    words: Mapping[str, str]
    calls: Mapping[str, str]
    ordinary: Mapping[str, str]
    tags: Mapping[str, str]


#: Of a source that has none of our headers.
NOTHING: Final = Reserved({}, {}, {}, {})


@cache
def reserved(headers: tuple[Path, ...]) -> Reserved:
    """Return what *headers* define. Read as text: all branches of a condition count."""
    words: dict[str, str] = {}
    calls: dict[str, str] = {"main": "the function that C programs begin with"}
    ordinary: dict[str, str] = {}
    tags: dict[str, str] = {}
    for path in headers:
        file = path.name.removesuffix(".j2")
        text = _COMMENT.sub(" ", path.read_text(errors="replace"))
        for directive in _DIRECTIVE.findall(text):
            if found := _MACRO.match(directive):
                (calls if found[2] else words)[found[1]] = f"a macro of {file}"
        text = _DIRECTIVE.sub("", text)
        for pattern, kind in ((_HELPER, "function"), (_FUNCTION, "function"), (_TYPEDEF, "type")):
            ordinary |= dict.fromkeys(pattern.findall(text), f"a {kind} of {file}")
        ordinary |= dict.fromkeys(_VARIABLE.findall(text), f"a variable of {file}")
        for constants in _ENUM.findall(text):
            ordinary |= dict.fromkeys(_CONSTANT.findall(constants), f"a constant of {file}")
        tags |= dict.fromkeys(_TAG.findall(text), f"a type of {file}")
    return Reserved(words, calls, ordinary, tags)


def problems(
    manifest: Manifest, name: str, maps: Iterable[str], variables: Iterable[str], known: Reserved
) -> Iterator[Problem]:
    """Say which declarations of object *name*, its *maps* and global *variables* have a *known* name.

    Nor does LLVM's assembler take a symbol that is called like a section (tried with 16 and 19).
    """
    programs = manifest.objects[name].programs
    sections = {declared.section or declared.hook for declared in programs.values()} | {"license"}
    section = dict.fromkeys(sections, "a section of the object")
    for table, names in (("maps", maps), ("globals", variables)):
        for each in names:
            yield from _problem(manifest, (table, each), known.words, known.ordinary, section)
    for each in programs:
        path = ("objects", name, "programs", each)
        yield from _problem(manifest, path, known.words, known.calls, known.ordinary, section)
    for each, declared in manifest.types.items():
        yield from _problem(manifest, ("types", each), known.words, known.tags)
        if isinstance(declared, EnumDecl):
            for constant in declared.values:
                yield from _problem(manifest, ("types", each, "enum", constant), known.words, known.ordinary)
        else:
            for field in declared.fields:
                yield from _problem(manifest, ("types", each, declared.keyword, field), known.words)


def _problem(manifest: Manifest, path: KeyPath, *tables: Mapping[str, str]) -> Sequence[Problem]:
    name = str(path[-1])
    owner = next((table[name] for table in tables if name in table), None)
    if owner is None:
        return ()
    return (manifest.problem(path, f'{owner} has this name (seen "{name}")', _HINT),)
