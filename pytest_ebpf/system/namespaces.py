"""Network namespaces of the guest."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Self

from pytest_ebpf.errors import UsageError
from pytest_ebpf.system import rtnetlink
from pytest_ebpf.system.devices import NamedNetwork
from pytest_ebpf.system.naming import TAKEN, about, named
from pytest_ebpf.system.network import Rtnetlink
from pytest_ebpf.system.processes import Process
from pytest_ebpf.system.syscalls import AT_FDCWD, Sys, result_of, text
from pytest_ebpf.system.worker import checked

#: Where ``ip netns`` keeps them, too.
FOLDER: Final = "/run/netns"

_MS_BIND: Final = 4096
_MNT_DETACH: Final = 2

#: ``CLONE_NEWNET`` of ``include/uapi/linux/sched.h``.
_NEWNET: Final = 0x40000000


class NetworkNamespace(NamedNetwork):
    """A network of its own, with ``lo`` up, until :meth:`close`.

    *start* starts processes of the guest: the one that makes it and asks its kernel, and :meth:`process`.
    """

    def __init__(self, name: str, start: Callable[..., Process]) -> None:
        super().__init__()
        self.name = named(name, "a network namespace")
        self._path = f"{FOLDER}/{name}"
        self._start = start
        self._process = start("netns")
        self._rtnetlink = Rtnetlink(self._process)
        self._there = True
        try:
            with about(self._where, TAKEN):
                self._make()
            self._rtnetlink.ask(rtnetlink.set_link(1, 'device "lo"', up=True))
        except BaseException:
            self._process.end()
            raise

    @property
    def path(self) -> str:
        """What other parts know it by; :class:`~pytest_ebpf.errors.UsageError` once it was closed."""
        self._check()
        return self._path

    @property
    def netns(self) -> NetworkNamespace:
        """Itself: where its devices are."""
        return self

    @property
    def rtnetlink(self) -> Rtnetlink:
        """Where requests about its devices go."""
        self._check()
        return self._rtnetlink

    def process(self, name: str | None = None, **identity: Any) -> Process:
        """A process in it; see ``System.process``."""
        return self._start(name, netns=self, **identity)

    def close(self) -> None:
        """Remove what was made in it, and itself; does nothing the second time.

        Processes that are still in it keep it alive without its name.
        """
        if not self._there:
            return
        try:
            self.close_devices()
            with about(self._where):
                self._process.umount(self._path, _MNT_DETACH)
                self._process.unlink(self._path)
        finally:
            self._there = False
            self._process.end()

    def _check(self) -> None:
        if not self._there:
            raise UsageError("was closed", where=self._where, hint="make another: ebpf.guest.namespace(...)")

    @property
    def _where(self) -> str:
        return f'network namespace "{self.name}"'

    def _make(self) -> None:
        flags = os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        unshared, *folders, opened, _ = self._process.syscalls(
            [
                (Sys.UNSHARE, (_NEWNET,)),
                (Sys.MKDIR, (text("/run"), 0o755)),
                (Sys.MKDIR, (text(FOLDER), 0o755)),
                (Sys.OPENAT, (AT_FDCWD, text(self._path), flags, 0o444)),
                (Sys.CLOSE, (result_of(3),)),
            ]
        )
        checked(unshared, self.name)
        for folder in folders:
            with suppress(FileExistsError):
                checked(folder, FOLDER)
        checked(opened, self._path)
        self._process.mount("/proc/self/ns/net", self._path, "none", _MS_BIND)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<NetworkNamespace {self.name}>"
