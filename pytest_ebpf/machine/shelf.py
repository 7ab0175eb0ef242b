"""The user's snapshots: ``<root>/snapshots/<key>/``, made when missed, forgotten when there are too many.

A snapshot is a cache. One that is damaged or does not come up is thrown away and made again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf.machine import snapshot
from pytest_ebpf.machine.recipe import Recipe
from pytest_ebpf.machine.snapshot import DamagedSnapshotError, Snapshot

#: Bytes that all snapshots together may take on disk; one takes some 110 MB.
LIMIT: Final = 4 << 30

_BUILDING: Final = ".building-"
_LABEL: Final = "kernel"


@dataclass(frozen=True)
class Entry:
    """A snapshot on disk: the *kernel* in it, its *size* in bytes, when it was last *used* (Unix time)."""

    key: str
    kernel: str
    size: int
    used: float


class Shelf:
    """The snapshots below *root*, at most *limit* bytes. *say* is given a line for what takes long."""

    def __init__(self, root: Path, *, say: Callable[[str], None], limit: int = LIMIT) -> None:
        self._folder = root / "snapshots"
        self._say = say
        self._limit = limit

    def get(self, recipe: Recipe, *, timeout: float) -> Snapshot:
        """Return the snapshot of *recipe*, made now if it is missing or damaged.

        :class:`~pytest_ebpf.errors.MachineError` if the kernel does not come up within *timeout* seconds,
        :class:`OSError` if there is no room for it.
        """
        with suppress(DamagedSnapshotError):  # said by who holds the lock
            if found := self._kept(recipe):
                return found
        with self._locked(recipe.key):
            try:
                if found := self._kept(recipe):
                    return found
            except DamagedSnapshotError as error:
                version = recipe.kernel.version
                self._say(f"the snapshot of {version} is damaged ({error.what}); making it again")
                self.discard(recipe.key)
            return self._make(recipe, timeout)

    def discard(self, key: str) -> None:
        """Remove a snapshot, if it is there; machines that run from it are not touched."""
        gone = self._folder / f"{_BUILDING}{key}-gone-{secrets.token_hex(8)}"
        with suppress(OSError):  # another process was faster
            (self._folder / key).rename(gone)  # at once: nobody may find half of it
            shutil.rmtree(gone, ignore_errors=True)

    def entries(self) -> tuple[Entry, ...]:
        """Return what there is, least recently used first."""
        return tuple(sorted(self._entries(), key=lambda entry: entry.used))

    def clear(self) -> int:
        """Remove every snapshot and return how many bytes that frees."""
        entries = self.entries()
        for entry in entries:
            self.discard(entry.key)
        self._sweep()
        return sum(entry.size for entry in entries)

    def _kept(self, recipe: Recipe) -> Snapshot | None:
        """Return the snapshot of *recipe* if it is there; :class:`DamagedSnapshotError` if it is damaged."""
        folder = self._folder / recipe.key
        if not folder.is_dir():
            return None
        found = Snapshot(folder, recipe)
        found.check()
        with suppress(OSError):
            os.utime(folder)
        return found

    def _make(self, recipe: Recipe, timeout: float) -> Snapshot:
        self._say(f"booting {recipe.kernel.version} for a snapshot, once for this kernel")
        self._sweep(mine=recipe.key)
        if shutil.disk_usage(self._folder).free < recipe.config.memory << 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # QEMU would die of SIGBUS half-way
        with tempfile.TemporaryDirectory(
            prefix=f"{_BUILDING}{recipe.key}-", dir=self._folder, ignore_cleanup_errors=True
        ) as scratch:
            draft = Path(scratch) / "entry"
            draft.mkdir()
            (draft / _LABEL).write_text(str(recipe.kernel.version))
            snapshot.save(recipe, draft, timeout=timeout)
            final = draft.rename(self._folder / recipe.key)
        self._forget(keep=recipe.key)
        return Snapshot(final, recipe)

    def _sweep(self, mine: str = "") -> None:
        """Remove what a process left that was killed; *mine* is the key whose lock this process holds."""
        for left in self._folder.glob(f"{_BUILDING}*"):
            key = left.name.removeprefix(_BUILDING)
            if key[:1] == mine[:1]:
                shutil.rmtree(left, ignore_errors=True)
            else:
                with suppress(BlockingIOError), self._locked(key, wait=False):
                    shutil.rmtree(left, ignore_errors=True)

    def _forget(self, keep: str) -> None:
        """Remove the least recently used until the rest is within the limit."""
        entries = self.entries()
        total = sum(entry.size for entry in entries)
        for entry in entries:
            if total <= self._limit:
                return
            if entry.key != keep:
                self.discard(entry.key)
                total -= entry.size

    def _entries(self) -> Iterator[Entry]:
        for folder in self._folder.glob("[!.]*"):
            with suppress(OSError):  # another process may be removing it
                size = sum(file.stat().st_blocks * 512 for file in folder.iterdir())
                yield Entry(folder.name, _label(folder), size, folder.stat().st_mtime)

    @contextmanager
    def _locked(self, key: str, *, wait: bool = True) -> Iterator[None]:
        """Hold the lock of *key* between processes: of several that miss a snapshot one makes it.

        There is one for each first digit, so that lock files do not grow in number. :class:`BlockingIOError`
        if it is held and this process is not to *wait*.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder / f".lock-{key[:1]}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(lock)


def _label(folder: Path) -> str:
    try:
        return (folder / _LABEL).read_text()
    except (OSError, ValueError):  # damaged, and still to be counted and cleared
        return "?"
