"""What to do about an error of clang, where we know more than it does: the manifest, the kernel, the headers.

It is put behind what clang says in the line of the error, in its own manner.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.suggest import closest, likeness

#: Names less alike than this are not taken for one another.
_ALIKE: Final = 0.75

_UNKNOWN: Final = re.compile(
    r"error: (?:use of undeclared identifier|call to undeclared (?:library )?function) '(\w+)'"
)
_INCOMPLETE: Final = re.compile(
    r"error: .*\bincomplete (?:definition of )?type '(?:struct|union|enum) (\w+)'"
)
_REDEFINED: Final = re.compile(r"error: (?:typedef )?redefinition ")
_SYSTEM: Final = re.compile(r"/usr/(?:local/)?include/|/lib/clang/")
_WITHOUT_HEADER: Final = re.compile(r"error: expected parameter declarator")


@dataclass(frozen=True)
class Known:
    """What the author of one object's C can have meant.

    *variables* are the maps and globals that the *manifest* (its name) declares, of which the object uses
    *used*; *tags* are its types; *brought* are functions and macros of libbpf and of ours; *constants* and
    *structs* give those of the *kernel* that begin as a name does. *ours*: ``ebpf.h`` is included.
    """

    manifest: str
    variables: Collection[str]
    used: Collection[str]
    tags: Collection[str]
    brought: Collection[str]
    constants: Callable[[str], Iterable[str]]
    structs: Callable[[str], Iterable[str]]
    kernel: str
    ours: bool


def advised(errors: Sequence[str], known: Known) -> tuple[str, ...]:
    """Return *errors* with advice, each place once; one for all that two sets of headers define."""
    found: dict[str, str] = {}
    for error in errors:
        head, place, rest = _split(error)
        advice = "" if "did you mean" in place else _advice(error, known)
        key = advice if advice == _HEADERS else place
        found.setdefault(key, f"{head}{place}{advice}{rest}")
    return tuple(found.values())


def _split(error: str) -> tuple[str, str, str]:
    """What stands before the line of the error (how it came to be included), that line, what follows."""
    lines = error.splitlines(keepends=True)
    at = next((number for number, line in enumerate(lines) if "error: " in line), 0)
    line = lines[at].rstrip("\n") if lines else ""
    return "".join(lines[:at]), line, error[len("".join(lines[:at])) + len(line) :]


_HEADERS: Final = "; vmlinux.h has the types of the kernel and of C: leave out the headers that have them too"


def _advice(error: str, known: Known) -> str:
    if match := _UNKNOWN.search(error):
        return _of_variable(match[1], known)
    if match := _INCOMPLETE.search(error):
        return _of_type(match[1], known)
    if _REDEFINED.search(error):
        return _of_definition(error, known)
    if _WITHOUT_HEADER.search(error) and 'SEC("' in error and not known.ours:
        return '; begin with #include "ebpf.h"'
    return ""


def _of_definition(error: str, known: Known) -> str:
    """What both definitions are from tells which of them is too many."""
    if "/vmlinux.h:" in error:
        kernels = "; the kernel has something else of this name: choose another"
        return _HEADERS if _SYSTEM.search(error) else kernels
    return f"; {known.manifest} declares it already" if "/ebpf.h:" in error else ""


def _of_variable(name: str, known: Known) -> str:
    if name in known.variables:
        if not known.ours:
            return f'; {known.manifest} declares it: #include "ebpf.h"'
        listed = name in known.used
        return "" if listed else f"; {known.manifest} declares it, and does not list it for this object"
    return _meant(name, [*known.variables, *known.brought, *known.constants(name)] if known.ours else [])


def _of_type(name: str, known: Known) -> str:
    if meant := _meant(name, [*known.tags, *known.structs(name)]):
        return meant
    return f"; kernel {known.kernel} (build.kernel) has none, nor does {known.manifest} declare it"


def _meant(name: str, names: Iterable[str]) -> str:
    near = closest(name, names)
    return f"; did you mean '{near}'?" if near and likeness(name, near) >= _ALIKE else ""
