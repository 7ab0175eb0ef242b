"""Files of the guest, whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.system.processes import Process, Stat

#: Bytes that one message carries of a file; a message holds 64 MiB.
CHUNK: Final = 32 << 20


class Files:
    """Read and write files, as root; what fails raises OSError with the guest's errno."""

    def __init__(self, guest: Guest, written: set[str], process: Callable[[], Process]) -> None:
        self._guest = guest
        self._written = written
        self._process = process

    def read(self, path: str, limit: int = CHUNK) -> bytes:
        """Return the contents of a file, at most *limit* bytes (no more than 32 MiB).

        Of a pipe or a device it is what is there: nobody waits for more.
        """
        data: bytes = self._call("read_file", path=path, limit=limit)
        return data

    def text(self, path: str) -> str:
        """Return a file's contents as text, less the newline at its end."""
        return self.read(path).decode(errors="backslashreplace").removesuffix("\n")

    def write(self, path: str, data: bytes | str, mode: int | None = None, *, parents: bool = False) -> None:
        """Write a file, at one go up to 32 MiB: sysctls take their values so.

        *mode* sets its permissions, *parents* makes the directories above it.
        """
        raw = data.encode() if isinstance(data, str) else data
        for at in range(0, max(len(raw), 1), CHUNK):
            args = write_arguments(path, raw[at : at + CHUNK], mode, parents=parents, append=at > 0)
            self._call("write_file", **args)
        self._written.add(path)

    def exists(self, path: str) -> bool:
        """Tell whether there is something at *path*."""
        return self._process().access(path)

    def mkdir(self, path: str, mode: int = 0o755) -> None:
        """Make a directory."""
        self._process().mkdir(path, mode)

    def remove(self, path: str) -> None:
        """Remove a file, or an empty directory."""
        try:
            self._process().unlink(path)
        except IsADirectoryError:
            self._process().rmdir(path)
        self._written.discard(path)

    def symlink(self, target: str, path: str) -> None:
        """Make a symbolic link at *path*, in the place of what is there."""
        self._call("write_file", path=path, data=os.fsencode(target), link=True)
        self._written.add(path)

    def readlink(self, path: str) -> str:
        """Return what a symbolic link leads to."""
        return self._process().readlink(path)

    def listdir(self, path: str) -> list[str]:
        """Return the names in a directory, sorted."""
        return self._process().listdir(path)

    def stat(self, path: str) -> Stat:
        """Return what the guest knows of a file."""
        return self._process().stat(path)

    def _call(self, op: str, *, path: str, **args: Any) -> Any:
        try:
            return self._guest.call(op, path=path, **args)
        except CallError as error:
            raise OSError(error.errno, os.strerror(error.errno), path) from error


def write_arguments(path: str, data: bytes, mode: int | None = None, **ways: bool) -> dict[str, Any]:
    """Return what the op ``write_file`` is given."""
    args: dict[str, Any] = {"path": path, "data": data, **ways}
    return args if mode is None else {**args, "mode": mode}
