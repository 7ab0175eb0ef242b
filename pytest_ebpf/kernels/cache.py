"""Kernels on disk: ``<root>/kernels/<name>/{vmlinuz,vmlinux,btf,modules/,kernel.json}``.

An entry is built in a folder beside it and renamed into place, so there is all of it or nothing. It is read
without hashing: ``kernel.json`` has size and time of every file, and only a file whose time differs is
hashed.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pytest_ebpf.errors import KernelError
from pytest_ebpf.kernels.catalog import Package
from pytest_ebpf.kernels.kernel import Kernel
from pytest_ebpf.kernels.version import Version
from pytest_ebpf.kernels.wanted import WANTED

IMAGE: Final = "vmlinuz"
UNPACKED: Final = "vmlinux"
BTF: Final = "btf"
CONFIG: Final = "config"
MODULES: Final = "modules"
_FACTS: Final = "kernel.json"
_FORMAT: Final = 2
_POSTPONED: Final = "postponed"
_BUILDING: Final = ".building-"
_DAY: Final = 86_400.0
_ELSEWHERE: Final = "set PYTEST_EBPF_CACHE to another folder"


class DamagedError(KernelError):
    """An entry is not as it was written."""


class Cache:
    """The entries below *root*. Reading needs no lock; building and discarding are done with it held."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.folder = root / "kernels"

    @contextmanager
    def locked(self, say: Callable[[str], None]) -> Iterator[None]:
        """Hold the lock between processes (and threads); *say* so when another has it.

        An :class:`OSError` inside, a full disk above all, becomes a :class:`KernelError`.
        """
        with _writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    say("waiting for another process that is fetching a kernel")
                    fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)

    @contextmanager
    def building(self, name: str) -> Iterator[Path]:
        """A folder to build entry *name* in: the entry when the block ends, gone if the block fails."""
        for left in self.folder.glob(f"{_BUILDING}*"):
            shutil.rmtree(left)  # by a process that was killed: only the holder of the lock builds
        with self.scratch() as around:
            folder = around / "entry"
            folder.mkdir()
            yield folder
            self.discard(name)
            folder.rename(self.folder / name)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder on the file system of the cache, gone when the block ends."""
        with tempfile.TemporaryDirectory(prefix=_BUILDING, dir=self.folder) as folder:
            yield Path(folder)

    def discard(self, name: str) -> None:
        """Remove an entry, if it is there."""
        if (self.folder / name).is_dir():
            shutil.rmtree(self.folder / name)

    def clear(self) -> int:
        """Remove everything and return how many bytes that frees."""
        return sum(remove(entry) for entry in self.folder.iterdir() if entry.is_dir())

    def postpone(self, name: str) -> None:
        """Take an outdated entry for good until tomorrow."""
        (self.folder / name / _POSTPONED).touch()

    def discard_older(self, keep: Kernel) -> None:
        """Remove what was built over a day ago from the origin of *keep*, or from an image that is gone."""
        for name in self.names():
            folder = self.folder / name
            if folder != keep.image.parent and time.time() - (folder / _FACTS).stat().st_mtime > _DAY:
                with suppress(DamagedError):
                    origin = self.describe(name).origin
                    if origin == keep.origin or _is_gone(origin):
                        self.discard(name)

    def names(self) -> tuple[str, ...]:
        """The entries there are, damaged ones too."""
        try:
            return tuple(sorted(path.parent.name for path in self.folder.glob(f"[!.]*/{_FACTS}")))
        except OSError as error:
            raise self._unreadable(error) from error

    def has(self, name: str) -> bool:
        """Whether the entry is there, whatever its state."""
        try:
            return (self.folder / name).is_dir()
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> KernelError:
        return KernelError(
            f"the cache of kernels cannot be read ({error.strerror})", where=str(self.folder), hint=_ELSEWHERE
        )

    def describe(self, name: str) -> Kernel:
        """What an entry says of itself, without a look at its files; :class:`DamagedError` if nothing."""
        return _kernel(self.folder / name, _facts(self.folder / name))

    def load(self, name: str, *, verify: bool = False) -> Kernel:
        """An entry whose files are as they were written; with *verify* all are hashed (about 15 ms).

        :class:`DamagedError` when one is not.
        """
        folder = self.folder / name
        facts = _facts(folder)
        for relative, (size, mtime, digest) in facts["files"].items():
            _check(folder / relative, size, mtime, digest, verify=verify)
        return _kernel(folder, facts)


def _is_gone(origin: str) -> bool:
    """Whether *origin* is the path of an image, and nothing is there any more."""
    return origin.startswith("path:") and not Path(origin.removeprefix("path:")).exists()


def remove(folder: Path) -> int:
    """Remove *folder*, if it is there, and return how many bytes that frees on the disk."""
    freed = sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
    shutil.rmtree(folder, ignore_errors=True)
    return freed


def write_facts(
    folder: Path,
    *,
    release: str,
    version: Version,
    origin: str,
    packages: Sequence[Package] = (),
    depends: Mapping[str, Sequence[str]] | None = None,
    aliases: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write ``kernel.json`` for the files of *folder*. *depends* is None where there are no modules."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    facts = {
        "format": _FORMAT,
        "release": release,
        "version": asdict(version),
        "origin": origin,
        "packages": [asdict(package) for package in packages],
        "depends": depends,
        "aliases": aliases or {},
        "wanted": WANTED,
        "files": {str(path.relative_to(folder)): _stamp(path) for path in files},
    }
    (folder / _FACTS).write_text(json.dumps(facts, indent=1))


def _stamp(path: Path) -> list[int | str]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, _sha256(path)]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check(path: Path, size: int, mtime: int, digest: str, *, verify: bool) -> None:
    try:
        status = path.stat()
        if status.st_size != size:
            raise DamagedError(f"{path.name} has {status.st_size} bytes, not {size}")
        if status.st_mtime_ns == mtime and not verify:
            return
        if _sha256(path) != digest:
            raise DamagedError(f"{path.name} has another sha256")
    except OSError as error:
        raise DamagedError(f"{path.name}: {error.strerror}") from error
    if status.st_mtime_ns != mtime and os.access(path, os.W_OK):
        os.utime(path, ns=(mtime, mtime))  # copied here with its content intact: not to be hashed again


def _facts(folder: Path) -> dict[str, Any]:
    try:
        status = (folder / _FACTS).stat()
        facts = _parsed(folder / _FACTS, status.st_mtime_ns, status.st_size)
        if facts["format"] == _FORMAT and {IMAGE, BTF} <= facts["files"].keys():
            return facts
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{_FACTS} cannot be read") from error
    raise DamagedError(f"{_FACTS} is of another version")


def _kernel(folder: Path, facts: dict[str, Any]) -> Kernel:
    try:
        return Kernel(
            release=facts["release"],
            version=Version(**facts["version"]),
            image=folder / IMAGE,
            unpacked=folder / UNPACKED if UNPACKED in facts["files"] else None,
            btf=folder / BTF,
            config=folder / CONFIG if CONFIG in facts["files"] else None,
            modules=None if facts["depends"] is None else folder / MODULES,
            sha256=facts["files"][IMAGE][2],
            origin=facts["origin"],
            packages=tuple(Package(**package) for package in facts["packages"]),
            depends=facts["depends"] or {},
            aliases=facts.get("aliases", {}),
            outdated=facts["depends"] is not None and not _has_all(folder, facts),
        )
    except (KeyError, TypeError, IndexError) as error:
        raise DamagedError(f"{_FACTS} cannot be read") from error


def _has_all(folder: Path, facts: dict[str, Any]) -> bool:
    """Whether all the modules that are wanted now were looked for, or cannot be had today."""
    if set(facts.get("wanted", ())) >= set(WANTED):
        return True
    with suppress(OSError):
        return time.time() - (folder / _POSTPONED).stat().st_mtime < _DAY
    return False


@lru_cache(maxsize=64)
def _parsed(path: Path, _mtime: int, _size: int) -> dict[str, Any]:
    """The document in *path* as it was at that time: to choose among kernels, all of them are looked at.

    Before Linux 6.13 what is written within one tick of the clock (4 ms) has the same time.
    """
    facts: dict[str, Any] = json.loads(path.read_text())
    return facts


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        denied = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
        raise KernelError(
            f"the cache of kernels cannot be written ({error.strerror or error})",
            where=str(folder),
            hint=_ELSEWHERE if denied else f"make room (200 MB while a kernel is fetched) or {_ELSEWHERE}",
        ) from error
