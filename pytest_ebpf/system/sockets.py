"""Sockets of processes in the guest, as in Python's ``socket``."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from pytest_ebpf.system.sockaddr import AF_PACKET, ROOM, Address, pack_address, unpack_address
from pytest_ebpf.system.syscalls import Call, Returned, Sys, copy, room
from pytest_ebpf.system.worker import Worker, checked

#: Seconds that a socket waits, unless said otherwise.
SOCKET_TIMEOUT: Final = 5.0

#: ``struct pollfd``, ``struct timespec``.
_POLLFD: Final = struct.Struct("=ihh")
_TIMESPEC: Final = struct.Struct("=qq")
_POLLIN: Final = 1
_POLLOUT: Final = 4
_POLLERR: Final = 8

_F_SETFL: Final = 4
_O_NONBLOCK: Final = 0o4000
#: The index of a device, ``include/uapi/linux/sockios.h``; ``struct ifreq`` begins with its name.
_SIOCGIFINDEX: Final = 0x8933
_IFREQ: Final = struct.Struct("=16si20x")
_SO_COOKIE: Final = 57


class Socket:
    """Descriptor *fd* of *process*. What waits longer than *timeout* seconds is a TimeoutError."""

    def __init__(self, process: Worker, fd: int, family: int, timeout: float | None) -> None:
        self.process = process
        self.fd = fd
        self.family = family
        self.timeout = timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def fd_source(self) -> dict[str, int]:
        """Where the agent finds its descriptor."""
        return {"process": self.process.handle, "fd": self.fd}

    def bind(self, address: Address) -> None:
        """Give it an address; the device of AF_PACKET may be a name."""
        packed = pack_address(self.family, self._indexed(address))
        self.process.syscall(Sys.BIND, self.fd, packed, len(packed), what=address)

    def listen(self, backlog: int = 16) -> None:
        """Have it accept connections."""
        self.process.syscall(Sys.LISTEN, self.fd, backlog)

    def connect(self, address: Address) -> None:
        """Connect it, by just one such system call."""
        packed = pack_address(self.family, self._indexed(address))
        call = (Sys.CONNECT, (self.fd, packed, len(packed)))
        if self.timeout is None:
            self.process.syscall(call[0], *call[1], what=address)
            return
        _, connected, polled, _ = self._exchange(
            [self._flags(_O_NONBLOCK), call, self._poll(_POLLOUT), self._flags(0)]
        )
        if connected.value == -errno.EINPROGRESS:
            self._check_connected(polled, address)
        else:
            self._check(connected, address)

    def accept(self) -> tuple[Socket, Address]:
        """Take the next connection: its socket, and the address of the other side."""
        self.wait_readable()
        args = (self.fd, room(ROOM), copy(struct.pack("=i", ROOM)), 0)
        returned = self.process.syscall(Sys.ACCEPT4, *args, what="accept")
        made = Socket(self.process, returned.value, self.family, self.timeout)
        return made, _address(returned.out)

    def send(self, data: bytes, flags: int = 0) -> int:
        """Send *data*, and return how much of it was taken."""
        return self._send(data, flags, None, "send")

    def sendall(self, data: bytes) -> None:
        """Send all of *data*."""
        while data:
            data = data[self.send(data) :]

    def sendto(self, data: bytes, address: Address, flags: int = 0) -> int:
        """Send one datagram."""
        return self._send(data, flags, pack_address(self.family, self._indexed(address)), address)

    def recv(self, size: int = 65536, flags: int = 0) -> bytes:
        """Return what has come, waiting for it; nothing when the other side has closed."""
        return self.recvfrom(size, flags)[0]

    def recvfrom(self, size: int = 65536, flags: int = 0) -> tuple[bytes, Address]:
        """Return what has come, and from where."""
        into = (room(size, cut=True), size)
        back = (room(ROOM), copy(struct.pack("=i", ROOM)))
        if self.timeout is None:
            returned = self.process.syscall(Sys.RECVFROM, self.fd, *into, flags, *back)
        else:
            call = (Sys.RECVFROM, (self.fd, *into, flags | socket.MSG_DONTWAIT, *back))
            _, returned = self._exchange([self._poll(_POLLIN), call])
            self._check(returned, "recv")
        return returned.out[0], _address(returned.out[1:])

    def shutdown(self, how: int) -> None:
        """End one or both directions."""
        self.process.syscall(Sys.SHUTDOWN, self.fd, how)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option: an int, or the bytes that the kernel takes."""
        data = struct.pack("=i", value) if isinstance(value, int) else value
        self.process.syscall(Sys.SETSOCKOPT, self.fd, level, option, data, len(data))

    def getsockopt(self, level: int, option: int, size: int | None = None) -> int | bytes:
        """Return an option: an int, or as bytes if their *size* is given."""
        args = (self.fd, level, option, room(size or 4), copy(struct.pack("=i", size or 4)))
        data, length = self.process.syscall(Sys.GETSOCKOPT, *args).out
        if size is not None:
            return data[: struct.unpack("=i", length)[0]]
        return int.from_bytes(data, "little", signed=True)

    @property
    def cookie(self) -> int:
        """The number by which programs know it, ``bpf_get_socket_cookie``."""
        data = self.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8)
        assert isinstance(data, bytes)
        return int.from_bytes(data, "little")

    def getsockname(self) -> Address:
        """Its own address."""
        return self._asked(Sys.GETSOCKNAME)

    def getpeername(self) -> Address:
        """The address of the other side."""
        return self._asked(Sys.GETPEERNAME)

    def wait_readable(self) -> None:
        """Wait until there is something to take; TimeoutError if nothing came in time."""
        if self.timeout is not None:
            (polled,) = self._exchange([self._poll(_POLLIN)])
            self._check_polled(polled, "nothing came")

    def close(self) -> None:
        """Close the descriptor, once."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            self.process.syscall(Sys.CLOSE, fd)

    def _asked(self, number: int) -> Address:
        return _address(self.process.syscall(number, self.fd, room(ROOM), copy(struct.pack("=i", ROOM))).out)

    def _send(self, data: bytes, flags: int, to: bytes | None, what: object) -> int:
        args = (self.fd, data, len(data), flags, to, len(to or b""))
        if self.timeout is None:
            return self.process.syscall(Sys.SENDTO, *args, what=what).value
        waiting = (*args[:3], flags | socket.MSG_DONTWAIT, *args[4:])
        _, returned = self._exchange([self._poll(_POLLOUT), (Sys.SENDTO, waiting)])
        return self._check(returned, what).value

    def _exchange(self, calls: Sequence[Call]) -> list[Returned]:
        return self.process.syscalls(calls, timeout=(self.timeout or 0.0) + 5.0)

    def _poll(self, events: int) -> Call:
        seconds = self.timeout or 0.0
        time = _TIMESPEC.pack(int(seconds), int(seconds % 1 * 1e9))
        return Sys.PPOLL, (copy(_POLLFD.pack(self.fd, events, 0)), 1, time, None, 0)

    def _flags(self, flags: int) -> Call:
        return Sys.FCNTL, (self.fd, _F_SETFL, flags)

    def _check(self, returned: Returned, what: object) -> Returned:
        if returned.value == -errno.EAGAIN:
            raise self._late(what)
        return checked(returned, what)

    def _check_polled(self, polled: Returned, what: object) -> None:
        if polled.value == 0:
            raise self._late(what)
        self._check(polled, what)

    def _check_connected(self, polled: Returned, address: Address) -> None:
        self._check_polled(polled, address)
        _, _, events = _POLLFD.unpack(polled.out[0])
        # The option is asked for only where something went wrong: programs see that, too.
        error = self.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if events & _POLLERR else 0
        if isinstance(error, int) and error:
            raise OSError(error, os.strerror(error), address)

    def _late(self, what: object) -> TimeoutError:
        return TimeoutError(errno.ETIMEDOUT, f"not within {self.timeout:g} s", what)

    def _indexed(self, address: Address) -> Address:
        """*address*, with the index of a device in the place of its name."""
        named = self.family == AF_PACKET and isinstance(address, tuple) and isinstance(address[0], str)
        if not named:
            return address
        asked = copy(_IFREQ.pack(str(address[0]).encode(), 0))
        (answer,) = self.process.syscall(Sys.IOCTL, self.fd, _SIOCGIFINDEX, asked, what=address[0]).out
        return _IFREQ.unpack(answer)[1], *address[1:]


def _address(out: Sequence[bytes]) -> Address:
    data, length = out
    return unpack_address(data[: struct.unpack("=i", length)[0]])
