"""What the last build read and wrote, so that the next one can tell by stat alone that nothing changed.

Kept as JSON in the build folder. It is a cache: if it is damaged, or of another version, everything is looked
at again. The module imports nothing heavy, since it is all that a build with nothing to do needs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import tomli

from pytest_ebpf.build.files import Stamp, stamp

#: Of the JSON below; another number makes everything stale.
VERSION: Final = 1

FILE_NAME: Final = "state.json"

#: What ``build.directory`` is unless the manifest says otherwise (see the model's ``Build``).
DEFAULT_DIRECTORY: Final = "build/ebpf"

#: Files and their stamps; None for a file that was not there, and would change the build if it were.
Files = Mapping[str, Stamp | None]


@dataclass(frozen=True)
class Entry:
    """One object: its *output*, all *files* it depends on (the output among them), relative to the root.

    *checked* tells in what state it was last found to be as declared, empty if it never was.
    """

    output: str
    files: Files
    checked: str = ""


@dataclass(frozen=True)
class State:
    """The last build: files that concern every object (*shared*), the *objects*, the path of the *bindings*.

    *names* are all objects that the manifest declares, *objects* those that were built.
    *clang* is the compiler as it was looked at: its path, version and stamp. *headers* are the objects'
    ``vmlinux.h``: what each was made from, and its stamp.
    """

    shared: Files = field(default_factory=dict)
    names: tuple[str, ...] = ()
    objects: Mapping[str, Entry] = field(default_factory=dict)
    bindings: str = ""
    clang: tuple[str, str, Stamp] | None = None
    headers: Mapping[str, tuple[str, Stamp | None]] = field(default_factory=dict)
    environment: tuple[str, ...] = ()


def environment() -> tuple[str, ...]:
    """The variables that decide which tools are used."""
    return tuple(os.environ.get(name, "") for name in ("EBPF_CLANG", "PATH"))


def directory(manifest_path: Path) -> str | None:
    """Return ``build.directory`` of a manifest without checking the rest; None where it cannot be told."""
    try:
        tables = tomli.loads(manifest_path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None
    build = tables.get("build", {})
    value = build.get("directory", DEFAULT_DIRECTORY) if isinstance(build, dict) else None
    return value if isinstance(value, str) else None


def load(folder: Path) -> State:
    """Read the state of the build *folder*; an empty one if there is none that can be used."""
    try:
        data = json.loads((folder / FILE_NAME).read_bytes())
        if data["version"] != VERSION:
            return State()
        clang = data["clang"]
        return State(
            shared=_files(data["shared"]),
            names=tuple(data["names"]),
            objects={name: _entry(entry) for name, entry in data["objects"].items()},
            bindings=data["bindings"],
            clang=(clang[0], clang[1], (clang[2][0], clang[2][1])) if clang else None,
            headers={name: (key, _stamp(seen)) for name, (key, seen) in data["headers"].items()},
            environment=tuple(data["environment"]),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return State()


def _stamp(seen: Sequence[int] | None) -> Stamp | None:
    return (seen[0], seen[1]) if seen else None


def _files(data: Mapping[str, Any]) -> Files:
    return {path: _stamp(seen) for path, seen in data.items()}


def _entry(data: Mapping[str, Any]) -> Entry:
    return Entry(data["output"], _files(data["files"]), data["checked"])


def dump(state: State) -> str:
    """Return *state* as JSON."""
    return json.dumps(
        {
            "version": VERSION,
            "shared": state.shared,
            "names": state.names,
            "objects": {name: vars(entry) for name, entry in state.objects.items()},
            "bindings": state.bindings,
            "clang": state.clang,
            "headers": state.headers,
            "environment": state.environment,
        }
    )


class Stamps:
    """Stamps of files below *root*, each taken once."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._seen: dict[str, Stamp | None] = {}

    def of(self, path: str) -> Stamp | None:
        """The stamp of *path*, relative to the root or absolute."""
        if path not in self._seen:
            self._seen[path] = stamp(f"{self._root}/{path}" if path[:1] != "/" else path)
        return self._seen[path]

    def all_of(self, paths: Iterable[str]) -> dict[str, Stamp | None]:
        """The stamps of *paths*."""
        return {path: self.of(path) for path in paths}

    def same(self, files: Files) -> bool:
        """Whether none of *files* has changed."""
        return all(self.of(path) == seen for path, seen in files.items())


def fresh(state: State, root: Path, only: Sequence[str], *, checked: bool) -> tuple[str, ...] | None:
    """Return the names of the objects asked for if none of them needs anything done, else None.

    *only* are the objects asked for, all if empty. With *checked*, each must have been found as declared.
    """
    names = tuple(only) or state.names
    stamps = Stamps(root)
    if state.environment != environment() or not stamps.same(state.shared):
        return None
    entries = [state.objects.get(name) for name in names]
    for entry in entries:
        if entry is None or (checked and not entry.checked) or not stamps.same(entry.files):
            return None
    return names
