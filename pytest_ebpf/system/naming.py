"""What tests give names to in the guest: names that can be one, and errors that say whose they are."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from pytest_ebpf.errors import GuestError, UsageError

#: What to do where a name is taken.
TAKEN: Final = {errno.EEXIST: "take another name, or close the one that has it"}


def named(name: str, what: str) -> str:
    """Return the *name* of *what*; :class:`~pytest_ebpf.errors.UsageError` if no file can be called so."""
    if not name or "/" in name or "\0" in name or name in {".", ".."}:
        raise UsageError(f'"{name}" is no name of {what}', hint="use a name that a file can have")
    return name


@contextmanager
def about(where: str, hints: Mapping[int, str] | None = None) -> Iterator[None]:
    """Turn a failed system call into a :class:`~pytest_ebpf.errors.GuestError` at *where*.

    *hints* say what to do, by errno.
    """
    try:
        yield
    except OSError as error:
        number = error.errno or 0
        hint = (hints or {}).get(number)
        raise GuestError(os.strerror(number), errno=number, where=where, hint=hint) from error
