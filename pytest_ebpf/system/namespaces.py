"""Network namespaces of the guest."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self

from pytest_ebpf.errors import GuestError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.system import rtnetlink
from pytest_ebpf.system.devices import Devices
from pytest_ebpf.system.network import Rtnetlink

if TYPE_CHECKING:
    from pytest_ebpf.system.processes import Process

#: Where ``ip netns`` keeps them, too.
FOLDER: Final = "/run/netns"

#: System calls of x86-64.
_OPEN, _CLOSE, _MKDIR, _UNLINK, _MOUNT, _UMOUNT2, _UNSHARE = 2, 3, 83, 87, 165, 166, 272

_MS_BIND: Final = 4096
_MNT_DETACH: Final = 2

#: ``CLONE_NEWNET`` of ``include/uapi/linux/sched.h``.
_NEWNET: Final = 0x40000000

_HINTS: Final = {errno.EEXIST: "take another name, or close the one that has it"}


class NetworkNamespace(Devices):
    """A network of its own, with ``lo`` up, until :meth:`close`. *path* is what other parts know it by."""

    def __init__(self, guest: Guest, name: str, start: Callable[..., Process]) -> None:
        if not name or "/" in name or "\0" in name or name in {".", ".."}:
            raise UsageError(
                f'"{name}" is no name of a network namespace', hint="use a name that a file can have"
            )
        self.name = name
        self.path = f"{FOLDER}/{name}"
        self._guest = guest
        self._start = start
        self._worker: int | None = guest.call("spawn", name="netns")["process"]
        try:
            self._rtnetlink = Rtnetlink(guest, self._worker or 0)
            self._make()
        except BaseException:
            self._end()
            raise

    @property
    def netns(self) -> NetworkNamespace:
        """Itself: where its devices are."""
        return self

    @property
    def rtnetlink(self) -> Rtnetlink:
        """Where requests about its devices go."""
        return self._rtnetlink

    def process(self, **settings: Any) -> Process:
        """A process in it; *settings* are those of ``System.process``."""
        return self._start(netns=self, **settings)

    def close(self) -> None:
        """Remove what was made in it, and itself; does nothing the second time.

        Processes that are still in it keep it alive without its name.
        """
        if self._worker is not None:
            try:
                self.close_devices()
                self._call(_UMOUNT2, self._text, _MNT_DETACH)
                self._call(_UNLINK, self._text)
            finally:
                self._end()

    @property
    def _text(self) -> bytes:
        return self.path.encode() + b"\0"

    def _make(self) -> None:
        self._call(_UNSHARE, _NEWNET)
        for folder in ("/run", FOLDER):
            self._guest_folder(folder)
        flags = os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        fd = self._call(_OPEN, self._text, flags, 0o444)
        self._call(_CLOSE, fd)
        self._call(_MOUNT, b"/proc/self/ns/net\0", self._text, b"none\0", _MS_BIND, None)
        self._rtnetlink.ask(rtnetlink.set_link(1, 'device "lo"', up=True))

    def _guest_folder(self, path: str) -> None:
        try:
            self._call(_MKDIR, path.encode() + b"\0", 0o755)
        except GuestError as error:
            if error.errno != errno.EEXIST:
                raise

    def _call(self, number: int, *args: Any) -> int:
        return self._rtnetlink.call(number, *args, where=f'network namespace "{self.name}"', hints=_HINTS)

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            self._guest.call("kill", process=worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<NetworkNamespace {self.name}>"
