"""What the booted kernel can do, found by trying it. Asked only after something failed."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from pytest_ebpf.errors import GuestError
from pytest_ebpf.guest import Guest
from pytest_ebpf.guest.client import ENOTSUPP
from pytest_ebpf.uapi import AttachType, ProgType

#: ``r0 = 0; exit``, a program that every type accepts.
_RETURN_ZERO: Final = struct.pack("<BBhi", 0xB7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0)

#: Attach types without which the kernel does not load a program of the type.
_ATTACH: Final[dict[int, int]] = {
    ProgType.SK_LOOKUP: AttachType.SK_LOOKUP,
    ProgType.NETFILTER: AttachType.NETFILTER,
}

#: Bytes that every kernel takes as a packet: Ethernet and IPv6 headers, and more.
SHORT: Final = 64

#: What the kernel answers when it does not know, does not do, or does not take something.
REFUSALS: Final = frozenset(
    {
        errno.EINVAL,
        errno.EOPNOTSUPP,
        ENOTSUPP,
        errno.EMSGSIZE,
        errno.ENOMEM,
        errno.E2BIG,
        errno.ENODEV,
        errno.ERANGE,
        errno.EAFNOSUPPORT,
    }
)

#: Answered when the probe itself could not be made.
UNKNOWN: Final = -1


class Probes:
    """Answers about one guest's kernel, each asked for once."""

    def __init__(self, guest: Guest) -> None:
        self._call = guest.call
        self._programs: dict[int, int | None] = {}
        self._answers: dict[tuple[tuple[str, int], ...], bool | None] = {}
        self._btf: bytes | None = None
        #: Whether ``BPF_PROG_TEST_RUN`` of xdp takes a context (Linux 5.15); None until it was tried.
        self.xdp_context: bool | None = None
        #: Says which other kernel has a function or type of this name in its BTF; set by who knows of others.
        self.elsewhere: Callable[[str], str | None] | None = None

    def has(self, **what: int) -> bool | None:
        """Whether the kernel has a ``prog_type``, ``map_type`` or ``link``, or a ``helper`` for a prog_type.

        None when that cannot be told.
        """
        key = tuple(sorted(what.items()))
        if key not in self._answers:
            try:
                self._answers[key] = bool(self._call("probe", **what))
            except GuestError:
                self._answers[key] = None
        return self._answers[key]

    def takes(self, prog_type: int, flags: int) -> bool:
        """Whether the kernel loads a program of this type, which it has, with *flags* of ``bpf_attr``."""
        key = (("flags", flags), ("prog_type", prog_type))
        if key not in self._answers:
            self._answers[key] = self._assembled(prog_type, flags=flags) is not None
        return bool(self._answers[key])

    def names(self, name: str) -> bool | None:
        """Whether the kernel's BTF has anything of this *name*; None where it has no BTF."""
        if self._btf is None:
            try:
                self._btf = self._call("read_file", path="/sys/kernel/btf/vmlinux", limit=32 << 20)
            except GuestError:
                self._btf = b""
        return f"\0{name}\0".encode() in self._btf if self._btf else None

    def run(
        self,
        prog_type: int,
        data: Sequence[bytes | None],
        context: bytes | None = None,
        **options: Any,
    ) -> list[int]:
        """Run a program of this type that does nothing on each input; the errno of each, 0 if it ran.

        Nothing of the tested object is touched. ``UNKNOWN`` where no such program could be loaded.
        """
        program = self._program(prog_type)
        if program is None:
            return [UNKNOWN] * len(data)
        args: dict[str, Any] = {"data": list(data), **options}
        if context is not None:
            args["ctx"] = [context] * len(data)
        return [status for status, *_ in self._call("run", prog=program, **args)]

    def attaching(self, how: str, prog_type: int, attach_type: int, **place: Any) -> int:
        """The errno of attaching a program that does nothing, as *how*: 0 if it could be.

        ``UNKNOWN`` where no such program could be loaded.
        """
        program = self._assembled(prog_type, attach_type)
        if program is None:
            return UNKNOWN
        try:
            link = self._call("attach", prog=program, how=how, attach_type=int(attach_type), **place)
        except GuestError as error:
            return error.errno
        self._call("detach", link=link["link"])
        return 0

    def _program(self, prog_type: int) -> int | None:
        if prog_type not in self._programs:
            self._programs[prog_type] = self._assembled(prog_type, _ATTACH.get(prog_type, 0))
        return self._programs[prog_type]

    def _assembled(self, prog_type: int, attach_type: int = 0, flags: int = 0) -> int | None:
        """A program of this type that does nothing; None where the kernel refuses it."""
        try:
            made = self._call(
                "assemble",
                type=prog_type,
                attach_type=int(attach_type),
                insns=_RETURN_ZERO,
                license="GPL",
                flags=flags,
            )
        except GuestError:
            return None
        program: int = made["prog"]
        return program

    def shortest(self, prog_type: int, data: bytes, limit: int, **options: Any) -> int | None:
        """The least length at which *data*, filled up with zeros, is taken; None if not up to *limit*."""
        sizes = range(len(data) + 1, limit + 1)
        answers = self.run(prog_type, [data.ljust(size, b"\0") for size in sizes], **options)
        return next((size for size, status in zip(sizes, answers, strict=True) if not status), None)

    def longest(self, prog_type: int, data: bytes, **options: Any) -> int | None:
        """The greatest length at which the beginning of *data* is taken; None if a short one is not."""
        low, high = SHORT, len(data)
        if self.run(prog_type, [data[:low]], **options) != [0]:
            return None
        while low < high:
            middle = (low + high + 1) // 2
            (status,) = self.run(prog_type, [data[:middle]], **options)
            low, high = (low, middle - 1) if status else (middle, high)
        return low


_KNOWN: WeakKeyDictionary[Guest, Probes] = WeakKeyDictionary()


def probes_of(guest: Guest) -> Probes:
    """The probes of *guest*, made once: a fresh machine may run another kernel."""
    if guest not in _KNOWN:
        _KNOWN[guest] = Probes(guest)
    return _KNOWN[guest]
