"""Read a manifest: TOML, then the model, then the checks between declarations; all problems at once."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli
from pydantic import ValidationError

from pytest_ebpf.errors import ManifestError, Problem
from pytest_ebpf.manifest import problems
from pytest_ebpf.manifest.checks import check
from pytest_ebpf.manifest.defect import Finding
from pytest_ebpf.manifest.discovery import FILE_NAME
from pytest_ebpf.manifest.model import (
    Build,
    Document,
    GlobalDecl,
    MapDecl,
    ObjectDecl,
    Project,
    Test,
    TypeDecl,
)
from pytest_ebpf.manifest.source import Source, absolute, display_name

#: A manifest is written by hand; more than this many bytes is another file by mistake.
MAX_BYTES: Final = 4 << 20

KeyPath = tuple[str | int, ...]

_POSITION: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")

#: What stands in for a table that is left out, so that the rest can still be checked.
_STAND_INS: Final[Mapping[str, Mapping[str, Any]]] = {
    "project": {"name": "unknown", "kernels": ["latest"]},
    "build": {},
    "test": {},
}


@dataclass(frozen=True)
class Manifest:
    """A valid manifest: what it declares, and where."""

    path: Path
    source: Source
    project: Project
    build: Build
    test: Test
    types: Mapping[str, TypeDecl]
    maps: Mapping[str, MapDecl]
    globals: Mapping[str, GlobalDecl]
    objects: Mapping[str, ObjectDecl]

    @property
    def root(self) -> Path:
        """The folder of the file: what its relative paths are relative to."""
        return self.path.parent

    @property
    def kernels(self) -> tuple[str, ...]:
        """The kernels promised, images by paths that hold wherever they are looked up from."""
        return tuple(map(self._kernel, self.project.kernels))

    @property
    def vmlinux_kernel(self) -> str:
        """The kernel whose BTF gives ``vmlinux.h``: as told by ``build.kernel``, else the last promised."""
        return self._kernel(self.build.kernel) if self.build.kernel else self.kernels[-1]

    def _kernel(self, spec: str) -> str:
        is_relative = "/" in spec and spec[0] not in "/~"
        return str(absolute(self.root / spec)) if is_relative else spec

    def where(self, path: Sequence[str | int]) -> str:
        """``ebpf.toml:14``: the line of a dotted *path*, or of the nearest table around it."""
        return self.source.where(path)

    def problem(self, path: Sequence[str | int], what: str, hint: str | None = None) -> Problem:
        """A problem with the declaration at *path*: ``ebpf.toml:14: maps.counters: ...``."""
        return self.source.problem(path, what, hint)


def load(path: Path) -> Manifest:
    """Read and check the manifest at *path*. :class:`ManifestError` with all its problems."""
    path = absolute(path)
    name = display_name(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise _unreadable(name, "no such file", f"write an {FILE_NAME}, or name the one to use") from error
    except IsADirectoryError as error:
        raise _unreadable(name, "is a folder", f"name the {FILE_NAME} in it") from error
    except OSError as error:
        raise _unreadable(name, f"cannot be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise _unreadable(name, f"larger than {MAX_BYTES >> 20} MiB", "is this the manifest?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"not UTF-8 (seen byte 0x{data[error.start]:02x})"
        raise _unreadable(f"{name}:{line}", what, "save the file as UTF-8") from error
    return loads(text, path=path)


def loads(text: str, *, path: Path) -> Manifest:
    """Check the manifest *text* as if read from *path*. :class:`ManifestError` with all its problems."""
    path = absolute(path)
    source = Source(display_name(path), text)
    tables = _parse(source)
    document, found = _validate(tables)
    found += check(document, path.parent, doubtful=frozenset(finding.path[:2] for finding in found))
    if found:
        raise ManifestError(_in_order(source, found))
    return Manifest(path, source, **{name: getattr(document, name) for name in Document.model_fields})


def _parse(source: Source) -> dict[str, Any]:
    try:
        return tomli.loads(source.text)
    except tomli.TOMLDecodeError as error:
        message = str(error)
        position = _POSITION.search(message)
        where, what = source.name, message
        if position:
            line, column = position.groups()
            where += f":{line}:{column}" if line else f":{source.text.count(chr(10)) + 1}"
            what = message[: position.start()]
        raise _unreadable(where, f"malformed TOML: {what}") from error
    except RecursionError as error:
        raise _unreadable(source.name, "malformed TOML: nested too deep") from error


def _validate(tables: dict[str, Any]) -> tuple[Document, list[Finding]]:
    """Return the model of *tables* and what is wrong with them; what is wrong is left out of the model.

    First just the offending keys are left out, so that the rest of their declarations can still be checked;
    then the programs, then the declarations that cannot be without them.
    """
    try:
        return Document.model_validate(tables), []
    except ValidationError as error:
        found = left = problems.findings(error)
    kept = copy.deepcopy(tables)
    for cut in (_key, _program, _declaration):
        for finding in left:
            _remove(kept, cut(finding.path))
        try:
            return Document.model_validate({**_STAND_INS, **kept}), found
        except ValidationError as error:
            left = problems.findings(error)
    raise AssertionError(f"declarations that were left out are still wrong: {left}")


def _key(path: KeyPath) -> KeyPath:
    # A type without one of its fields has another size, which would be taken for a second mistake.
    keys = next((at for at, part in enumerate(path) if isinstance(part, int)), len(path))
    return path[: 2 if path[0] == "types" else keys]


def _program(path: KeyPath) -> KeyPath:
    return path[: 4 if path[0] == "objects" else 2]


def _declaration(path: KeyPath) -> KeyPath:
    return path[: 1 if path[0] in _STAND_INS else 2]


def _remove(tables: dict[str, Any], path: Sequence[str | int]) -> None:
    table: Any = tables
    for key in path[:-1]:
        table = table.get(key) if isinstance(table, dict) else None
    if isinstance(table, dict):
        table.pop(path[-1], None)


def _in_order(source: Source, found: Iterable[Finding]) -> list[Problem]:
    unique = dict.fromkeys(found)
    lines = source.locations
    ordered = sorted(unique, key=lambda finding: lines.line(finding.path))
    return [source.problem(finding.path, finding.what, finding.hint) for finding in ordered]


def _unreadable(where: str, what: str, hint: str | None = None) -> ManifestError:
    return ManifestError([Problem(where, what, hint)])
