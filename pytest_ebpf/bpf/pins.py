"""Names in the BPF file system of a guest, and which of them tests gave."""

from __future__ import annotations

import errno
from weakref import WeakKeyDictionary

from pytest_ebpf.errors import GuestError
from pytest_ebpf.guest import CallError, Guest

_PINNED: WeakKeyDictionary[Guest, set[str]] = WeakKeyDictionary()


def pin(guest: Guest, path: str, where: str, **handle: int) -> None:
    """Pin the program, map or link that *handle* numbers at *path*; GuestError beginning with *where*."""
    try:
        guest.call("pin", path=path, **handle)
    except CallError as error:
        taken = error.errno == errno.EEXIST
        raise GuestError(
            f"cannot be pinned at {error.what}",
            errno=error.errno,
            where=where,
            hint="unpin() what is there" if taken else "paths lie in /sys/fs/bpf",
        ) from error
    remember(guest, path)


def unpin(guest: Guest, path: str, where: str) -> None:
    """Take the name *path* away; GuestError beginning with *where*."""
    try:
        guest.call("unpin", path=path)
    except CallError as error:
        raise GuestError(f"cannot be unpinned: {error.what}", errno=error.errno, where=where) from error
    _PINNED.get(guest, set()).discard(path)


def remember(guest: Guest, path: str) -> None:
    """Note that *path* was pinned, by a load for instance."""
    _PINNED.setdefault(guest, set()).add(path)


def unpin_all(guest: Guest) -> None:
    """Take all names away that were given in *guest* and are still there."""
    paths = _PINNED.pop(guest, set())
    if paths:
        guest.batch([("unpin", {"path": path}) for path in sorted(paths)])
