"""The compiler: which clang, and whether it will do."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf import process
from pytest_ebpf.build.files import Stamp, stamp
from pytest_ebpf.errors import ToolError

#: clang 14 writes 64-bit enumerators into BTF cut to 32 bits, without a word (``BTF_KIND_ENUM64`` came with
#: LLVM 15), and 15 is in no Debian release.
OLDEST: Final = 16

#: In order of preference: the one every release since bookworm has first, then what the machine calls
#: clang, then the others from new to old.
NAMES: Final = ("clang-19", "clang", "clang-22", "clang-21", "clang-20", "clang-18", "clang-17", "clang-16")

#: Overrides the search: a path, or a name on ``PATH``.
OVERRIDE: Final = "EBPF_CLANG"

_INSTALL: Final = "install it: sudo apt-get install clang-19"
_VERSION: Final = re.compile(r"clang version (\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class Clang:
    """A compiler that was looked at: its *path*, *version*, and the *stamp* of the binary then."""

    path: str
    version: str
    stamp: Stamp


@dataclass(frozen=True)
class Search:
    """A clang that was *found*, and the paths *missed* before it: one of them appearing would change it."""

    found: str
    missed: tuple[str, ...]


def search() -> Search:
    """Look for the clang to use, by path only. :class:`ToolError` when there is none."""
    override = os.environ.get(OVERRIDE)
    missed: list[str] = []
    for name in (override,) if override else NAMES:
        for path in _places(name):
            if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113 - part of every no-op build
                return Search(path, tuple(missed))
            missed.append(path)
    if override:
        hint = "correct it, or unset it to have clang looked for"
        raise ToolError("no such program", where=f"${OVERRIDE}={override}", hint=hint)
    raise ToolError("clang: not found on PATH", hint=_INSTALL)


def _places(name: str) -> list[str]:
    if "/" in name:
        return [name]
    return [f"{folder}/{name}" for folder in os.environ.get("PATH", os.defpath).split(":") if folder]


def examine(path: str, known: Clang | None) -> Clang:
    """Return the clang at *path* if it is new enough and knows BPF.

    *known* is what an earlier build found; it holds as long as the binary has not changed, which saves two
    starts of clang. :class:`ToolError` for a clang that is too old or cannot compile for BPF.
    """
    seen = stamp(path)
    if seen is None:
        raise ToolError("no such program", where=path, hint=_INSTALL)
    if known and (known.path, known.stamp) == (path, seen):
        return known
    done = process.run([path, "--version"], timeout=30)
    version = parse_version(done.stdout, where=path)
    targets = process.run([path, "--print-targets"], timeout=30)
    if not re.search(r"^\s*bpf\b", targets.stdout, re.MULTILINE):
        raise ToolError("this clang cannot compile for BPF", where=path, hint=_INSTALL)
    return Clang(path, version, seen)


def parse_version(text: str, *, where: str) -> str:
    """Read ``clang --version``; :class:`ToolError` when it is no clang or older than :data:`OLDEST`."""
    match = _VERSION.search(text)
    if not match:
        first = text.strip().partition("\n")[0]
        raise ToolError(f'does not say it is clang (seen "{first}")', where=where, hint=_INSTALL)
    version = ".".join(match.groups())
    if int(match[1]) < OLDEST:
        raise ToolError(
            f"clang {version} is too old: {OLDEST} or newer is needed (older ones cut 64-bit enums in BTF)",
            where=where,
            hint=f"{_INSTALL}, or point ${OVERRIDE} at a newer one",
        )
    return version


def system_headers(machine: str) -> Path:
    """Where Debian keeps the C library's headers of one architecture (*machine* as ``uname -m``)."""
    return Path(f"/usr/include/{machine}-linux-gnu")
