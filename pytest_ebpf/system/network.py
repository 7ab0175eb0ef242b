"""Asking the guest's kernel about its networks: netlink messages by way of a worker's system calls."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Mapping
from typing import Any, Final

from pytest_ebpf.errors import EbpfError, GuestError, ProtocolError, UnsupportedError
from pytest_ebpf.guest import Guest
from pytest_ebpf.system import rtnetlink
from pytest_ebpf.system.netlink import ERROR, Message, Request, ack, joined, messages

#: System calls of x86-64 (``arch/x86/entry/syscalls/syscall_64.tbl``).
_OPEN, _CLOSE, _SOCKET, _SENDTO, _RECVFROM, _SETSOCKOPT = 2, 3, 41, 44, 45, 54

_NETLINK_ROUTE: Final = 0
_SOL_NETLINK, _NETLINK_EXT_ACK = 270, 11

#: Room for one answer; a device takes 1 to 2 KiB.
_ROOM: Final = 16_384

_HINTS: Final = {
    errno.EEXIST: "take another name, or remove the one that is there",
    errno.ENODEV: "make it first, or look in the network namespace that has it",
    errno.ENETUNREACH: "give a device the address that the next hop is a neighbour of, and set it up",
}


class Rtnetlink:
    """A socket of netlink in the worker with the handle *process*, opened when it is first needed."""

    def __init__(self, guest: Guest, process: int) -> None:
        self._guest = guest
        self._process = process
        self._fd: int | None = None
        self._sequence = 0

    def ask(self, *requests: Request) -> list[Message]:
        """Send the *requests* in one message and return what comes back beside acknowledgements.

        All are carried out, whatever becomes of one. The first that failed is raised as
        :class:`~pytest_ebpf.errors.GuestError`, or as :class:`~pytest_ebpf.errors.UnsupportedError` where
        the kernel has no devices of the kind.
        """
        first = self._sequence + 1
        self._sequence += len(requests)
        data = joined(requests, first)
        receive = [_RECVFROM, [self._socket(), [_ROOM, True], _ROOM, socket.MSG_DONTWAIT, None, None]]
        answers = self._calls(
            [_SENDTO, [self._socket(), data, len(data), 0, None, 0]], *([receive] * 2 * len(requests))
        )
        checked(answers[0], "netlink")
        return _read(requests, first, answers[1:])

    def call(self, number: int, *args: Any, where: str, hints: Mapping[int, str] | None = None) -> int:
        """One system call in the worker; :class:`~pytest_ebpf.errors.GuestError` at *where* if it fails."""
        (answer,) = self._calls([number, list(args)])
        return checked(answer, where, hints=hints)

    def open(self, path: str) -> int:
        """Open a file of the guest in the worker, for a request that wants a descriptor; :meth:`close` it."""
        return self.call(_OPEN, path.encode() + b"\0", os.O_RDONLY | os.O_CLOEXEC, 0, where=path)

    def close(self, fd: int) -> None:
        """Close a descriptor of the worker."""
        self._calls([_CLOSE, [fd]])

    def give(self, source: dict[str, Any]) -> int:
        """Give the worker the descriptor that *source* tells of; its number there."""
        answer: dict[str, int] = self._guest.call("give", process=self._process, of=source)
        return answer["fd"]

    def _socket(self) -> int:
        if self._fd is None:
            kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
            self._fd = self.call(_SOCKET, socket.AF_NETLINK, kind, _NETLINK_ROUTE, where="netlink")
            one = struct.pack("=i", 1)
            self._calls([_SETSOCKOPT, [self._fd, _SOL_NETLINK, _NETLINK_EXT_ACK, one, len(one)]])
        return self._fd

    def _calls(self, *calls: list[Any]) -> list[Any]:
        answers: list[Any] = self._guest.call("sys", process=self._process, calls=list(calls))
        if not isinstance(answers, list) or len(answers) != len(calls):
            raise ProtocolError(f"sys: {len(calls)} calls have other answers")
        return answers


def checked(answer: Any, where: str, *, hints: Mapping[int, str] | None = None) -> int:
    """What a system call returned; :class:`~pytest_ebpf.errors.GuestError` about *where* if it failed.

    *hints* say what to do, by errno.
    """
    result: int = answer[0]
    if result < 0:
        hint = (hints or {}).get(-result)
        raise GuestError(os.strerror(-result), errno=-result, where=where, hint=hint)
    return result


def _read(requests: tuple[Request, ...], first: int, answers: list[Any]) -> list[Message]:
    """Tell acknowledgements from what was asked for, and see that every request has its own."""
    found: list[Message] = []
    pending = {first + index: request for index, request in enumerate(requests)}
    failure: EbpfError | None = None
    for result, outs in answers:
        if result < 0:
            continue  # nothing more is there (EAGAIN)
        for message in messages(outs[0]):
            if message.type != ERROR:
                found.append(message)
                continue
            request = pending.pop(message.sequence, None)
            said = ack(message)
            if request is None:
                raise ProtocolError("netlink: an acknowledgement of nothing that was asked")
            if said.errno and failure is None:
                failure = explain(request, said.errno, said.text)
    if failure:
        raise failure
    if pending:
        raise ProtocolError(f"netlink: no acknowledgement of {len(pending)} requests")
    return found


def explain(request: Request, number: int, text: str) -> EbpfError:
    """The error of a request that the kernel has answered with an errno."""
    what = os.strerror(number)
    if request.type == rtnetlink.NEWLINK and number == errno.EOPNOTSUPP and request.flags:
        kind = request.where.partition(" ")[0]
        return UnsupportedError(f"this kernel has no {kind} devices", where=request.where)
    return GuestError(
        f"{what} ({text})" if text else what, errno=number, where=request.where, hint=_HINTS.get(number)
    )
