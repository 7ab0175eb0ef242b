"""Files of the build folder: written whole or not at all, and left alone when nothing changed."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_ebpf.errors import BuildError

#: What tells one state of a file from another: nanoseconds of its last change, and its size in bytes.
Stamp = tuple[int, int]


def stamp(path: str | os.PathLike[str]) -> Stamp | None:
    """Return the state of a file (of what a link leads to), None if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - called for every input of a no-op build; Path costs thrice
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system says about writing *path* into a :class:`BuildError` with what to do."""
    try:
        yield
    except OSError as error:
        raise BuildError(
            f"cannot write the build ({(error.strerror or str(error)).lower()})",
            where=str(error.filename or path),
            hint=_advice(error.errno),
        ) from error


def _advice(number: int | None) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "free some space and build again"
    if number in (errno.ENOTDIR, errno.EEXIST):
        return "something else has that name; move it away, or set build.directory"
    return "make the folder writable, or set build.directory to one that is"


def write(path: Path, text: str) -> bool:
    """Make *path* hold *text*; True if it did not before.

    An equal file keeps its time of change, so that ninja sees no reason to compile. A new one appears
    under its name only when it is whole. :class:`BuildError` when it cannot be written.
    """
    data = text.encode()
    with explained(path):
        if _holds(path, data):
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
        return True


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return False


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
