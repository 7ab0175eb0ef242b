"""Asking the guest's kernel about its networks: netlink messages by way of a worker's system calls."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Final

from pytest_ebpf.errors import EbpfError, GuestError, ProtocolError, UnsupportedError
from pytest_ebpf.system import routes, rtnetlink
from pytest_ebpf.system.naming import about
from pytest_ebpf.system.netlink import ERROR, Message, Request, ack, joined, messages
from pytest_ebpf.system.processes import Process
from pytest_ebpf.system.syscalls import Call, Sys, result_of, room
from pytest_ebpf.system.worker import checked

_KIND: Final = socket.SOCK_RAW | socket.SOCK_CLOEXEC
_NETLINK_ROUTE: Final = 0
_SOL_NETLINK, _NETLINK_EXT_ACK = 270, 11

#: Room for one answer; a device takes 1 to 2 KiB.
_ROOM: Final = 16_384

_HINTS: Final = {
    errno.ENODEV: "make it first, or look in the network namespace that has it",
    errno.ENETUNREACH: "give a device the address that the next hop is a neighbour of, and set it up",
}

#: What to do where there is one already, by what was to be made.
_EXISTS: Final = {
    rtnetlink.NEWLINK: "take another name, or remove the one that is there",
    routes.NEWROUTE: "close that route first, or give another destination",
}


class Rtnetlink:
    """A socket of netlink of *process*, opened when it is first needed."""

    def __init__(self, process: Process) -> None:
        self.process = process
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
        data, fd = joined(requests, first), self._socket()
        send: Call = (Sys.SENDTO, (fd, data, len(data), 0, None, 0))
        receive: Call = (Sys.RECVFROM, (fd, room(_ROOM, cut=True), _ROOM, socket.MSG_DONTWAIT, None, None))
        sent, *answers = self.process.syscalls([send, *[receive] * 2 * len(requests)])
        with about("netlink"):
            checked(sent, "sendto")
        return read_answers(requests, first, [each.out[0] for each in answers if each.value >= 0])

    def _socket(self) -> int:
        if self._fd is None:
            one = struct.pack("=i", 1)
            made, *_ = self.process.syscalls(
                [
                    (Sys.SOCKET, (socket.AF_NETLINK, _KIND, _NETLINK_ROUTE)),
                    (Sys.SETSOCKOPT, (result_of(0), _SOL_NETLINK, _NETLINK_EXT_ACK, one, len(one))),
                ]
            )
            with about("netlink"):
                self._fd = checked(made, "socket").value
        return self._fd


def read_answers(requests: tuple[Request, ...], first: int, datagrams: list[bytes]) -> list[Message]:
    """Tell acknowledgements from what was asked for, and see that every request has its own."""
    found: list[Message] = []
    pending = {first + index: request for index, request in enumerate(requests)}
    failure: EbpfError | None = None
    for message in [each for datagram in datagrams for each in messages(datagram)]:
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
    hint = _EXISTS.get(request.type) if number == errno.EEXIST else _HINTS.get(number)
    return GuestError(f"{what} ({text})" if text else what, errno=number, where=request.where, hint=hint)
