"""What a C source names: its identifiers, its own headers, and what libbpf's macros name in its stead.

Read as text, not preprocessed: more identifiers than needed only make ``vmlinux.h`` a little longer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NOISE: Final = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_INCLUDE: Final = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
_DEFINE: Final = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)((?:\\\n|[^\n])*)", re.MULTILINE | re.ASCII)

_DEFINITION: Final = re.compile(r"\b(?:struct|union|enum)\s+([A-Za-z_]\w*)\s*[:{]", re.ASCII)
_LICENSE: Final = re.compile(r'SEC\s*\(\s*"license"\s*\)')

#: Made for every object, so never looked for on disk.
GENERATED: Final = frozenset({"ebpf.h", "vmlinux.h"})

#: libbpf's headers that hold nothing but macros, as far as the kernel's types go: a macro's words count
#: only where the macro is used.
_MACRO_HEADERS: Final = ("bpf_helpers.h", "bpf_tracing.h", "bpf_core_read.h", "bpf_endian.h")

#: All of libbpf's headers that come with ``ebpf.h``.
LIBBPF_HEADERS: Final = ("bpf_helper_defs.h", *_MACRO_HEADERS)


@dataclass(frozen=True)
class Names:
    """What a source and its own headers name.

    *files* are the headers that were read, *generated* those that are included and made for every object.
    *system* says whether headers of the C library or of the kernel's user-space interface are included,
    which need more include folders; *licensed* whether a license is declared.
    *defined* are the structs, unions and enums that the source and its headers define.
    """

    identifiers: frozenset[str]
    files: tuple[Path, ...]
    generated: frozenset[str]
    system: bool
    licensed: bool
    defined: frozenset[str]


def identifiers(text: str) -> frozenset[str]:
    """Return the identifiers of C *text*, comments and literals left out; no preprocessing."""
    return frozenset(_IDENTIFIER.findall(_NOISE.sub(" ", text)))


def scan(text: str, folder: Path, search: Sequence[Path], libbpf: Path) -> Names:
    """Read C *text* that stands in *folder*, and the headers of the project that it includes, recursively.

    *search* are the include folders in order. A header that is not found is clang's to complain about.
    """
    words: set[str] = set()
    seen: dict[Path, None] = {}
    generated: set[str] = set()
    defined: set[str] = set()
    system = licensed = False
    own = {libbpf / "bpf" / header for header in _MACRO_HEADERS}
    waiting = [(text, folder)]
    while waiting:
        source, here = waiting.pop()
        words |= identifiers(source)
        defined.update(_DEFINITION.findall(_NOISE.sub(" ", source)))
        licensed = licensed or bool(_LICENSE.search(source))
        for bracket, name in _INCLUDE.findall(source):
            places = [*([here] if bracket == '"' else []), *search, libbpf]
            found = next((path for place in places if (path := place / name).is_file()), None)
            if found is None and name in GENERATED:
                generated.add(name)
            elif found is None:
                system = True
            elif found not in seen and found not in own:
                seen[found] = None
                waiting.append((found.read_text(errors="replace"), found.parent))
    known = frozenset(expand(words, macros(libbpf)))
    return Names(known, tuple(seen), frozenset(generated), system, licensed, frozenset(defined))


def expand(words: set[str], table: Mapping[str, frozenset[str]]) -> set[str]:
    """Add to *words* what the macros among them name, and so on until nothing is new."""
    result = set(words)
    waiting = [word for word in words if word in table]
    while waiting:
        fresh = table[waiting.pop()] - result
        result |= fresh
        waiting.extend(word for word in fresh if word in table)
    return result


@cache
def macros(libbpf: Path) -> Mapping[str, frozenset[str]]:
    """Return the words of every macro in libbpf's headers; all bodies of one that is defined twice."""
    table: dict[str, frozenset[str]] = {}
    for header in _MACRO_HEADERS:
        path = libbpf / "bpf" / header
        text = path.read_text(errors="replace") if path.is_file() else ""
        for name, body in _DEFINE.findall(text):
            table[name] = table.get(name, frozenset()) | identifiers(body)
    return table
