"""Snapshots as folders: listed, cleared, and swept up after a process that was killed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from pytest_ebpf.machine.shelf import Entry, Shelf

OLD, NEW = "0a" * 16, "1b" * 16


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path, say=print)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "snapshots").mkdir()
    return tmp_path / "snapshots"


def put(folder: Path, key: str, *, used: float = 1000, kernel: str | None = "6.12.1", kib: int = 8) -> Path:
    entry = folder / key
    entry.mkdir()
    (entry / "ram").write_bytes(bytes(kib << 10))
    if kernel is not None:
        (entry / "kernel").write_text(kernel)
    os.utime(entry, (used, used))
    return entry


def test_nothing_is_there_at_first(shelf, tmp_path):
    assert shelf.entries() == ()
    assert shelf.clear() == 0
    shelf.discard(OLD)
    assert list(tmp_path.iterdir()) == []


def test_entries_are_told_least_recently_used_first(shelf, folder):
    put(folder, NEW, used=2000, kernel="6.1.5")
    put(folder, OLD, used=1000)
    old, new = shelf.entries()
    assert (old.key, old.kernel, old.used) == (OLD, "6.12.1", 1000)
    assert (new.key, new.kernel, new.used) == (NEW, "6.1.5", 2000)


def test_the_size_is_what_is_taken_on_disk(shelf, folder):
    entry = put(folder, OLD, kib=64)
    with (entry / "hole").open("wb") as hole:
        hole.truncate(1 << 30)
    (size,) = [entry.size for entry in shelf.entries()]
    assert 64 << 10 <= size < 1 << 20


def test_an_entry_without_its_label_is_still_one(shelf, folder):
    put(folder, OLD, kernel=None, used=5)
    (entry,) = shelf.entries()
    assert entry == Entry(OLD, "?", entry.size, 5)
    assert shelf.clear() == entry.size
    assert shelf.entries() == ()


def test_discarding_leaves_the_others(shelf, folder):
    put(folder, OLD)
    put(folder, NEW)
    shelf.discard(OLD)
    assert [path.name for path in folder.iterdir()] == [NEW]


def test_a_file_that_is_open_outlives_its_snapshot(shelf, folder):
    with (put(folder, OLD) / "ram").open("rb") as ram:
        shelf.discard(OLD)
        assert len(ram.read()) == 8 << 10


def test_clearing_says_what_it_frees_and_removes_what_killed_processes_left(shelf, folder):
    put(folder, OLD)
    put(folder, NEW)
    put(folder, f".building-{OLD}-x7gk2")
    freed = sum(entry.size for entry in shelf.entries())
    assert shelf.clear() == freed
    assert [path.name for path in folder.iterdir()] == [".lock-0"]


def test_clearing_spares_what_another_process_is_making(shelf, folder):
    made = put(folder, f".building-{NEW}-x7gk2")
    with (folder / ".lock-1").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shelf.clear()
        assert made.is_dir()
    shelf.clear()
    assert not made.exists()
