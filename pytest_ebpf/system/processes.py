"""A process that does for a test what ``os`` does for Python, in the guest."""

from __future__ import annotations

import os
import signal as signals
import socket as sockets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.system.sockaddr import Address
from pytest_ebpf.system.sockets import SOCKET_TIMEOUT, Socket
from pytest_ebpf.system.syscalls import AT_FDCWD, Argument, Sys, room, text
from pytest_ebpf.system.worker import Worker

_PATH_MAX: Final = 4096

#: ``struct stat`` of x86-64, ``arch/x86/include/uapi/asm/stat.h``.
_STAT: Final = struct.Struct("=QQQIII4xQqqq72x")

#: ``struct linux_dirent64`` up to its name.
_DIRENT: Final = struct.Struct("=QqHB")


@dataclass(frozen=True)
class Stat:
    """What the guest knows of a file, named as in ``os.stat_result``; *st_size* in bytes."""

    st_dev: int
    st_ino: int
    st_nlink: int
    st_mode: int
    st_uid: int
    st_gid: int
    st_rdev: int
    st_size: int


class Process(Worker):
    """A process of the guest, with methods as in ``os``: they raise OSError with the guest's errno.

    They make the system calls that glibc makes, as programs that look at these may expect.
    """

    def open(self, path: str, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
        """Open *path* and return the descriptor."""
        return self.syscall(Sys.OPENAT, AT_FDCWD, text(path), flags, mode, what=path).value

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        self.syscall(Sys.CLOSE, fd)

    def read(self, fd: int, size: int = 65536) -> bytes:
        """Read at most *size* bytes; none at the end of the file."""
        return self.syscall(Sys.READ, fd, room(size, cut=True), size).out[0]

    def write(self, fd: int, data: bytes) -> int:
        """Write *data*, and return how much of it was taken."""
        return self.syscall(Sys.WRITE, fd, data, len(data)).value

    def lseek(self, fd: int, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position in an open file."""
        return self.syscall(Sys.LSEEK, fd, offset, whence).value

    def ftruncate(self, fd: int, size: int) -> None:
        """Set the size of an open file."""
        self.syscall(Sys.FTRUNCATE, fd, size)

    def dup2(self, fd: int, wanted: int) -> int:
        """Make *wanted* another number of *fd*."""
        return self.syscall(Sys.DUP2, fd, wanted).value

    def pipe(self) -> tuple[int, int]:
        """Make a pipe: the end to read, the end to write."""
        (ends,) = self.syscall(Sys.PIPE2, room(8), 0).out
        return struct.unpack("=ii", ends)

    def ioctl(self, fd: int, request: int, argument: Argument = 0) -> tuple[int, bytes]:
        """Ask a driver; what it returned, and the bytes that came back of *argument*, if it is such."""
        returned = self.syscall(Sys.IOCTL, fd, request, argument)
        return returned.value, b"".join(returned.out)

    def unlink(self, path: str) -> None:
        """Remove a file."""
        self.syscall(Sys.UNLINK, text(path), what=path)

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        """Make a directory."""
        self.syscall(Sys.MKDIR, text(path), mode, what=path)

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        self.syscall(Sys.RMDIR, text(path), what=path)

    def rename(self, old: str, new: str) -> None:
        """Move a file."""
        self.syscall(Sys.RENAME, text(old), text(new), what=old)

    def link(self, old: str, new: str) -> None:
        """Give a file one more name."""
        self.syscall(Sys.LINK, text(old), text(new), what=new)

    def symlink(self, target: str, path: str) -> None:
        """Make a symbolic link."""
        self.syscall(Sys.SYMLINK, text(target), text(path), what=path)

    def readlink(self, path: str) -> str:
        """Return what a symbolic link leads to."""
        got = self.syscall(Sys.READLINK, text(path), room(_PATH_MAX, cut=True), _PATH_MAX, what=path)
        return got.out[0].decode(errors="surrogateescape")

    def chmod(self, path: str, mode: int) -> None:
        """Set the permissions of a file."""
        self.syscall(Sys.CHMOD, text(path), mode, what=path)

    def chown(self, path: str, uid: int, gid: int) -> None:
        """Set owner and group of a file; -1 leaves one as it is."""
        self.syscall(Sys.CHOWN, text(path), uid, gid, what=path)

    def access(self, path: str, mode: int = os.F_OK) -> bool:
        """Tell whether the process could open *path* so."""
        (returned,) = self.syscalls([(Sys.ACCESS, (text(path), mode))])
        return returned.value == 0

    def stat(self, path: str) -> Stat:
        """Return what the guest knows of a file; a symbolic link is followed."""
        (data,) = self.syscall(Sys.NEWFSTATAT, AT_FDCWD, text(path), room(144), 0, what=path).out
        dev, ino, nlink, mode, uid, gid, rdev, size, _, _ = _STAT.unpack(data)
        return Stat(dev, ino, nlink, mode, uid, gid, rdev, size)

    def listdir(self, path: str) -> list[str]:
        """Return the names in a directory, sorted."""
        fd = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            found: list[str] = []
            while data := self.syscall(Sys.GETDENTS64, fd, room(65536, cut=True), 65536, what=path).out[0]:
                found += _names(data)
        finally:
            self.close(fd)
        return sorted(name for name in found if name not in {".", ".."})

    def chdir(self, path: str) -> None:
        """Set the working directory."""
        self.syscall(Sys.CHDIR, text(path), what=path)

    def mount(self, source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
        """Mount a file system of *kind* at *target*."""
        self.syscall(Sys.MOUNT, text(source), text(target), text(kind), flags, text(data), what=target)

    def umount(self, target: str, flags: int = 0) -> None:
        """Undo a mount."""
        self.syscall(Sys.UMOUNT2, text(target), flags, what=target)

    def unshare(self, flags: int) -> None:
        """Give the process namespaces of its own, ``CLONE_NEW*``."""
        self.syscall(Sys.UNSHARE, flags)

    def setns(self, fd: int, kind: int = 0) -> None:
        """Enter the namespace that *fd* is a descriptor of."""
        self.syscall(Sys.SETNS, fd, kind)

    def sethostname(self, name: str) -> None:
        """Set the name of the machine."""
        self.syscall(Sys.SETHOSTNAME, name.encode(), len(name.encode()))

    def getpid(self) -> int:
        """Ask for the process's number; :attr:`pid` knows it without."""
        return self.syscall(Sys.GETPID).value

    def getppid(self) -> int:
        """Ask for its parent's number."""
        return self.syscall(Sys.GETPPID).value

    def getuid(self) -> int:
        """Ask for its user."""
        return self.syscall(Sys.GETUID).value

    def kill(self, pid: int, signal: int) -> None:
        """Send a signal. To end the process itself see :meth:`end`."""
        self.syscall(Sys.KILL, pid, int(signal), what=pid)

    def fork(self) -> int:
        """Make a child, which ends at once; its number."""
        return self.syscall(Sys.CLONE, int(signals.SIGCHLD), 0, 0, 0, 0).value

    def socket(
        self,
        family: int = sockets.AF_INET,
        kind: int = sockets.SOCK_STREAM,
        proto: int = 0,
        *,
        timeout: float | None = SOCKET_TIMEOUT,
    ) -> Socket:
        """Make a socket; *timeout* seconds for what waits, None for none."""
        fd = self.syscall(Sys.SOCKET, family, kind, proto).value
        return Socket(self, fd, family, timeout)

    def listen(self, address: Address = ("127.0.0.1", 0), family: int = sockets.AF_INET) -> Socket:
        """Make a TCP socket that listens at *address*; port 0 is one that is free, see ``getsockname()``."""
        made = self.socket(family, sockets.SOCK_STREAM)
        made.bind(address)
        made.listen()
        return made

    def udp(self, address: Address | None = None, family: int = sockets.AF_INET) -> Socket:
        """Make a UDP socket, bound to *address* if one is given."""
        made = self.socket(family, sockets.SOCK_DGRAM)
        if address is not None:
            made.bind(address)
        return made

    def tcp_pair(self, host: str = "127.0.0.1") -> tuple[Socket, Socket]:
        """Connect two TCP sockets of this process: the one that connected, and the one that accepted."""
        family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
        with self.listen((host, 0), family) as listener:
            client = self.socket(family, sockets.SOCK_STREAM)
            client.connect(listener.getsockname())
            server, _ = listener.accept()
        return client, server

    def socketpair(self, kind: int = sockets.SOCK_STREAM) -> tuple[Socket, Socket]:
        """Make two connected sockets of the family AF_UNIX."""
        (ends,) = self.syscall(Sys.SOCKETPAIR, sockets.AF_UNIX, kind, 0, room(8)).out
        first, second = struct.unpack("=ii", ends)
        return (
            Socket(self, first, sockets.AF_UNIX, SOCKET_TIMEOUT),
            Socket(self, second, sockets.AF_UNIX, SOCKET_TIMEOUT),
        )


def _names(data: bytes) -> Iterator[str]:
    at = 0
    while at < len(data):
        _, _, length, _ = _DIRENT.unpack_from(data, at)
        yield data[at + _DIRENT.size : at + length].split(b"\0", 1)[0].decode(errors="surrogateescape")
        at += length
