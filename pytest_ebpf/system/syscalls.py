"""System calls by number, and what they are given.

Numbers are those of x86-64, ``arch/x86/entry/syscalls/syscall_64.tbl``; only what is used here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final


class Sys(IntEnum):
    """Numbers of system calls."""

    READ = 0
    WRITE = 1
    CLOSE = 3
    LSEEK = 8
    IOCTL = 16
    ACCESS = 21
    DUP2 = 33
    GETPID = 39
    SOCKET = 41
    CONNECT = 42
    SENDTO = 44
    RECVFROM = 45
    SHUTDOWN = 48
    BIND = 49
    LISTEN = 50
    GETSOCKNAME = 51
    GETPEERNAME = 52
    SOCKETPAIR = 53
    SETSOCKOPT = 54
    GETSOCKOPT = 55
    CLONE = 56
    KILL = 62
    FCNTL = 72
    FTRUNCATE = 77
    CHDIR = 80
    RENAME = 82
    MKDIR = 83
    RMDIR = 84
    LINK = 86
    UNLINK = 87
    SYMLINK = 88
    READLINK = 89
    CHMOD = 90
    CHOWN = 92
    GETUID = 102
    GETPPID = 110
    MOUNT = 165
    UMOUNT2 = 166
    SETHOSTNAME = 170
    GETDENTS64 = 217
    EXIT_GROUP = 231
    OPENAT = 257
    PPOLL = 271
    UNSHARE = 272
    ACCEPT4 = 288
    PIPE2 = 293
    SETNS = 308
    NEWFSTATAT = 262


#: What an argument is sent as: a number; None for NULL; bytes, to which the call gets a pointer; a list for
#: bytes that come back; a dict for what an earlier call of the same list returned.
Argument = int | bytes | None | list[Any] | dict[str, int]

#: A number and its arguments, at most six.
Call = tuple[int, Sequence[Argument]]


@dataclass(frozen=True)
class Returned:
    """What a system call gave back: its number, a negative errno included, and the bytes that come back."""

    value: int
    out: tuple[bytes, ...]


#: The directory that paths are relative to, ``include/uapi/linux/fcntl.h``.
AT_FDCWD: Final = -100


def room(size: int, *, cut: bool = False) -> Argument:
    """A pointer to *size* zero bytes that come back; if *cut*, only as many as the call says it wrote."""
    return [size, True] if cut else [size]


def copy(data: bytes) -> Argument:
    """A pointer to *data*, which comes back as the call leaves it."""
    return [data]


def result_of(index: int) -> Argument:
    """What call *index* of the same list returned."""
    return {"ret": index}


def text(value: str | bytes) -> bytes:
    """A string of C: *value*, with a NUL; ValueError if it has one already, as in Python's ``os``."""
    raw = value.encode(errors="surrogateescape") if isinstance(value, str) else value
    if b"\0" in raw:
        msg = "embedded null byte"
        raise ValueError(msg)
    return raw + b"\0"


def encode(calls: Sequence[Call]) -> list[list[Any]]:
    """Return *calls* as the agent takes them."""
    return [[int(number), list(args)] for number, args in calls]


def decode(answers: Sequence[Sequence[Any]]) -> list[Returned]:
    """Return what the agent answers for each call."""
    return [Returned(value, tuple(out)) for value, out in answers]


def name_of(number: int) -> str:
    """Return ``openat`` for 257."""
    return Sys(number).name.lower() if number in Sys._value2member_map_ else f"system call {number}"


def source_arguments(source: Mapping[str, Any] | Any) -> dict[str, Any]:
    """Return a source of a descriptor as the agent takes it: a mapping, or what has a ``fd_source``."""
    return dict(source if isinstance(source, Mapping) else source.fd_source)
