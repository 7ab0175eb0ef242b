"""The user's snapshots: ``<root>/snapshots/<key>/``, made when missed, forgotten when there are too many.

A snapshot is a cache. One that is damaged or does not come up is thrown away and made again.
"""

from __future__ import annotations

import fcntl
import os
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
        if found := self._sound(recipe):
            return found
        with self._locked(recipe.key):
            return self._sound(recipe) or self._make(recipe, timeout)

    def discard(self, key: str) -> None:
        """Remove a snapshot, if it is there; machines that run from it are not touched."""
        shutil.rmtree(self._folder / key, ignore_errors=True)

    def entries(self) -> tuple[Entry, ...]:
        """Return what there is, least recently used first."""
        return tuple(sorted(self._entries(), key=lambda entry: entry.used))

    def clear(self) -> int:
        """Remove everything and return how many bytes that frees."""
        freed = sum(entry.size for entry in self.entries())
        shutil.rmtree(self._folder, ignore_errors=True)
        return freed

    def _sound(self, recipe: Recipe) -> Snapshot | None:
        folder = self._folder / recipe.key
        if not folder.is_dir():
            return None
        found = Snapshot(folder, recipe)
        try:
            found.check()
        except DamagedSnapshotError as error:
            self._say(f"the snapshot of {recipe.kernel.version} is damaged ({error.what}); making it again")
            self.discard(recipe.key)
            return None
        with suppress(OSError):
            os.utime(folder)
        return found

    def _make(self, recipe: Recipe, timeout: float) -> Snapshot:
        self._say(f"booting {recipe.kernel.version} for a snapshot, once for this kernel")
        for left in self._folder.glob(f"{_BUILDING}{recipe.key}-*"):
            shutil.rmtree(left, ignore_errors=True)  # by a process that was killed: the lock is ours
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
                yield Entry(folder.name, (folder / _LABEL).read_text(), size, folder.stat().st_mtime)

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """Hold the lock of one key between processes: of several that miss a snapshot one makes it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder / f".lock-{key}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
