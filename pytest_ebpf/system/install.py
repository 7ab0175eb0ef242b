"""What it takes to run a program of the host elsewhere: its interpreter and its libraries, at the same paths.

The dynamic linker's own cache goes along, so that it finds in the guest what it finds here.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from pytest_ebpf import elf
from pytest_ebpf.errors import CommandError, ObjectError

#: Where administrators' commands are, which are not on everybody's PATH.
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/sbin:/sbin"

#: Where the linkers of glibc and musl look without being told.
_DEFAULTS: Final = (
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
)
_LINKER_CACHE: Final = Path("/etc/ld.so.cache")

#: ``Elf64_Dyn`` and its tags, ``include/uapi/linux/elf.h`` (the last is the C library's).
_DYN: Final = struct.Struct("<qQ")
_DT_NEEDED: Final = 1
_DT_RPATH: Final = 15
_DT_RUNPATH: Final = 29

#: ``struct cache_file_new`` and ``struct file_entry_new`` of glibc, ``sysdeps/generic/dl-cache.h``.
_CACHE_MAGIC: Final = b"glibc-ld.so.cache1.1"
_CACHE_HEAD: Final = struct.Struct("=20sI24x")
_CACHE_ENTRY: Final = struct.Struct("=iIIIQ")
#: ``FLAG_X8664_LIB64`` among the flags.
_CACHE_MACHINE: Final = 0x0300

Folders = tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """What is to be at *path* of the guest: a copy of *source*, or, with *link*, a symbolic link to it."""

    path: str
    source: Path
    link: bool = False


@dataclass(frozen=True)
class _Dynamic:
    """What a binary asks of its linker; *rpath* holds for the libraries of its libraries too."""

    interpreter: str | None
    needed: tuple[str, ...]
    runpath: Folders
    rpath: Folders


def find_command(name: str) -> Path | None:
    """Return where the host has the command *name*, None where it has none. A path is taken as it is."""
    if "/" in name:
        return absolute(name) if Path(name).is_file() else None
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), _SYSTEM_PATH)))
    return Path(found).absolute() if found else None


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return *path* from the root on, with its symbolic links as they are."""
    return Path(os.path.normpath(Path(path).absolute()))


def closure(program: Path) -> tuple[Entry, ...]:
    """Return all that *program* needs to run, itself first.

    :class:`~pytest_ebpf.errors.CommandError` names what is not to be found on this host.
    """
    try:
        status = program.stat()
    except OSError as error:
        raise CommandError(f"cannot be read ({error.strerror})", where=str(program)) from error
    return _closure(program, status.st_mtime_ns, status.st_size)


@cache
def _closure(program: Path, _changed: int, _size: int) -> tuple[Entry, ...]:
    entries = {entry.path: entry for path in _reachable(program) for entry in _mirrored(path)}
    return tuple(entries.values())


def _mirrored(path: Path) -> Iterator[Entry]:
    """*path* as it is here: a file, and links to it for the ways in which it is reached."""
    real = path.resolve()
    yield Entry(str(real), real)
    names = {path, real, *filter(None, map(_short, (path, real)))} - {real}
    for each in sorted(names):
        yield Entry(str(each), real, link=True)


def _short(path: Path) -> Path | None:
    """The name of a command in ``/bin`` or ``/sbin``, where the host has these merged into ``/usr``."""
    for folder in ("bin", "sbin"):
        merged = Path("/usr", folder)
        if path.parent == merged and Path("/", folder).resolve() == merged:
            return Path("/", folder, path.name)
    return None


def _reachable(program: Path) -> Iterator[Path]:
    todo: list[tuple[Path, Folders]] = [(program, ())]
    seen: set[Path] = set()
    while todo:
        path, inherited = todo.pop(0)
        if path in seen:
            continue
        seen.add(path)
        yield path
        data = _contents(path)
        if data.startswith(b"#!"):
            todo += [(each, ()) for each in _script_interpreters(path, data)]
        elif data.startswith(b"\x7fELF"):
            todo += _linked(path, data, inherited)


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"cannot be read ({error.strerror})", where=str(path)) from error


def _script_interpreters(path: Path, data: bytes) -> Iterator[Path]:
    """The interpreter that the first line names, and for ``env`` the command that it is to find."""
    words = data[2:].split(b"\n", 1)[0].decode(errors="surrogateescape").split()
    if not words:
        raise CommandError(
            "its first line names no interpreter", where=str(path), hint="write one, as in #!/bin/sh"
        )
    yield _existing(path, words[0])
    if Path(words[0]).name == "env":
        for command in [word for word in words[1:] if not word.startswith("-") and "=" not in word][:1]:
            yield _existing(path, command)


def _existing(path: Path, command: str) -> Path:
    if found := find_command(command):
        return found
    raise CommandError(f"needs {command}, which is not on this host", where=str(path), hint="install it")


def _linked(path: Path, data: bytes, inherited: Folders) -> Iterator[tuple[Path, Folders]]:
    """The interpreter and the libraries of a binary, with the folders that hold for theirs."""
    try:
        dynamic = _read_dynamic(path, data)
    except ObjectError as error:
        raise CommandError(error.what, where=str(path)) from error
    if dynamic.interpreter:
        yield _existing(path, dynamic.interpreter), ()
    if dynamic.needed and _LINKER_CACHE.is_file():
        yield _LINKER_CACHE, ()
    chain = (*dynamic.rpath, *inherited)
    folders = dynamic.runpath or chain
    for name in dynamic.needed:
        yield _library(path, name, folders), chain


def _read_dynamic(path: Path, data: bytes) -> _Dynamic:
    table = elf.section(data, ".dynamic") or b""
    strings = elf.section(data, ".dynstr") or b""
    interpreter = elf.section(data, ".interp")

    def values(wanted: int) -> Iterator[str]:
        for tag, value in _DYN.iter_unpack(table[: len(table) // _DYN.size * _DYN.size]):
            if tag == wanted:
                yield strings[value:].split(b"\0", 1)[0].decode(errors="surrogateescape")

    def folders(wanted: int) -> Folders:
        origin = str(path.resolve().parent)
        found = [folder for text in values(wanted) for folder in text.split(":") if folder]
        return tuple(each.replace("$ORIGIN", origin).replace("${ORIGIN}", origin) for each in found)

    return _Dynamic(
        interpreter.rstrip(b"\0").decode() if interpreter else None,
        tuple(values(_DT_NEEDED)),
        folders(_DT_RUNPATH),
        folders(_DT_RPATH),
    )


def _library(path: Path, name: str, folders: Folders) -> Path:
    """Where the linker finds a library: in the binary's own folders, in its cache, or by default."""
    if "/" in name:
        return _existing(path, name)
    candidates = [f"{folder}/{name}" for folder in folders]
    if cached := _linker_cache().get(name):
        candidates.append(cached)
    candidates += [f"{folder}/{name}" for folder in _DEFAULTS]
    for each in candidates:
        if Path(each).is_file():
            return Path(os.path.normpath(each))
    raise CommandError(
        f"needs {name}, which is not on this host", where=str(path), hint="install the library that has it"
    )


@cache
def _linker_cache() -> dict[str, str]:
    try:
        data = _LINKER_CACHE.read_bytes()
    except OSError:
        return {}
    return read_linker_cache(data)


def read_linker_cache(data: bytes) -> dict[str, str]:
    """Return paths by the names of libraries of x86-64; the first of a name counts, as for the linker."""
    start = data.find(_CACHE_MAGIC)
    if start < 0 or len(data) < start + _CACHE_HEAD.size:
        return {}
    data = data[start:]
    _, count = _CACHE_HEAD.unpack_from(data)
    known: dict[str, str] = {}
    end = min(
        _CACHE_HEAD.size + count * _CACHE_ENTRY.size, len(data) // _CACHE_ENTRY.size * _CACHE_ENTRY.size
    )
    for flags, name, path, _, _ in _CACHE_ENTRY.iter_unpack(data[_CACHE_HEAD.size : end]):
        if flags & 0xFF00 == _CACHE_MACHINE:
            known.setdefault(_string(data, name), _string(data, path))
    return known


def _string(data: bytes, at: int) -> str:
    return data[at:].split(b"\0", 1)[0].decode(errors="surrogateescape")
