"""Control groups of the guest: version 2, see ``Documentation/admin-guide/cgroup-v2.rst`` of the kernel."""

from __future__ import annotations

import errno
import time
from contextlib import suppress
from typing import Any, Final, Protocol, Self

from pytest_ebpf.errors import GuestError, UsageError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.guest.client import errno_name
from pytest_ebpf.system.naming import TAKEN, about, named
from pytest_ebpf.system.processes import Process

#: Where the tree is mounted if nobody has.
ROOT: Final = "/sys/fs/cgroup"

#: Seconds that processes have to be gone that were killed.
_PATIENCE: Final = 10.0


class HasPid(Protocol):
    """A process of the guest."""

    @property
    def pid(self) -> int:
        """Its number."""


class Cgroup:
    """A control group, until :meth:`close`."""

    def __init__(self, guest: Guest, process: Process, path: str) -> None:
        self._path = path
        self._guest = guest
        self._process = process
        self._children: list[Cgroup] = []
        self._there = True
        with about(self._where, TAKEN):
            process.mkdir(path, 0o755)

    @property
    def path(self) -> str:
        """What other parts know it by; :class:`~pytest_ebpf.errors.UsageError` once it was closed."""
        if not self._there:
            raise UsageError("was closed", where=self._where, hint="make another: ebpf.guest.cgroup(...)")
        return self._path

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self._path.rpartition("/")[2]

    @property
    def id(self) -> int:
        """What ``bpf_get_current_cgroup_id`` returns for its processes."""
        with about(self._where):
            return self._process.stat(self.path).st_ino

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes in it, not those in its children."""
        return tuple(int(pid) for pid in self.read("cgroup.procs").split())

    def add(self, process: int | HasPid) -> Self:
        """Move a process into it, by its pid."""
        self.write("cgroup.procs", str(process if isinstance(process, int) else process.pid))
        return self

    def group(self, name: str) -> Cgroup:
        """A group within it, which goes with it."""
        child = Cgroup(self._guest, self._process, f"{self.path}/{named(name, 'a cgroup')}")
        self._children.append(child)
        return child

    def read(self, file: str) -> str:
        """One of its files: ``cgroup.procs``, ``pids.current``.

        The files of a controller are there once it is enabled above the group, which this does.
        """
        data: bytes = self._call("read_file", file, f"{file}: cannot be read")
        return data.decode()

    def write(self, file: str, text: str) -> None:
        """Write to one of its files, as :meth:`read` reads: ``cgroup.subtree_control``, ``pids.max``."""
        self._call("write_file", file, f"{file}: {text!r} is not taken", data=text.encode())

    def _call(self, op: str, file: str, refused: str, **args: bytes) -> Any:
        path = f"{self.path}/{file}"
        try:
            try:
                return self._guest.call(op, path=path, **args)
            except CallError:
                if file.startswith("cgroup.") or self._process.access(path):
                    raise  # every group has these: it is gone itself, or the kernel refuses
            self._provide(file)
            return self._guest.call(op, path=path, **args)
        except CallError as error:
            raise GuestError(
                f"{refused} ({errno_name(error.errno)})", errno=error.errno, where=self._where
            ) from error

    def _provide(self, file: str) -> None:
        """Enable the controller that has *file*, from the root of the tree down."""
        controller = file.partition(".")[0]
        known = self._guest.call("read_file", path=f"{ROOT}/cgroup.controllers").decode().split()
        if controller not in known:
            hint = f"controllers of this kernel: {', '.join(known)}"
            raise GuestError(f'no file "{file}"', errno=errno.ENOENT, where=self._where, hint=hint)
        above = ROOT
        for part in self.path.removeprefix(f"{ROOT}/").split("/"):
            self._enable(controller, above)
            above += f"/{part}"

    def _enable(self, controller: str, group: str) -> None:
        path = f"{group}/cgroup.subtree_control"
        try:
            self._guest.call("write_file", path=path, data=f"+{controller}".encode())
        except CallError as error:
            raise GuestError(
                f"{path}: +{controller} is not taken ({errno_name(error.errno)})",
                errno=error.errno,
                where=self._where,
                hint="a group that has processes gives its groups no controllers",
            ) from error

    def close(self) -> None:
        """Remove it with its children; what still runs in it goes back to the root of the tree."""
        if not self._there:
            return
        try:
            while self._children:
                self._children.pop().close()
            self._remove()
        finally:
            self._there = False

    def _remove(self) -> None:
        until = time.monotonic() + _PATIENCE
        while not self._removed():
            if time.monotonic() > until:
                raise GuestError(
                    "Device or resource busy",
                    errno=errno.EBUSY,
                    where=self._where,
                    hint="end the processes in it, remove the groups in it",
                )

    def _removed(self) -> bool:
        for pid in self.pids:
            with suppress(GuestError):  # it ended meanwhile
                self._guest.call("write_file", path=f"{ROOT}/cgroup.procs", data=str(pid).encode())
        with about(self._where):
            try:
                self._process.rmdir(self.path)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                return False
        return True

    @property
    def _where(self) -> str:
        return f'cgroup "{self._path}"'

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Cgroup {self._path}>"


def make(guest: Guest, process: Process, name: str) -> Cgroup:
    """A group at the top of the tree, which is mounted if it is not; *process* makes the system calls."""
    name = named(name, "a cgroup")
    try:
        with about(f"{ROOT}: mounting it"):
            process.mount("none", ROOT, "cgroup2")
    except GuestError as error:
        if error.errno != errno.EBUSY:  # it is mounted already
            raise
    return Cgroup(guest, process, f"{ROOT}/{name}")
