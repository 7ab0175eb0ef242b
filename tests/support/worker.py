"""A process of the guest that makes the system calls that tests trigger hooks with (x86-64 numbers)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pytest_ebpf.guest import Guest

OPEN, CLOSE, MMAP, NANOSLEEP = 2, 3, 9, 35
SOCKET, CONNECT, BIND, LISTEN, SETSOCKOPT = 41, 42, 49, 50, 54
UMASK, GETRANDOM = 95, 318

PRIVATE_ANONYMOUS = 0x22
READ_WRITE = 3
TCP_CONGESTION = (6, 13)


@dataclass
class Worker:
    """A worker of the agent."""

    guest: Guest
    handle: int
    pid: int

    @classmethod
    def spawn(cls, guest: Guest) -> Worker:
        made = guest.call("spawn")
        return cls(guest, made["process"], made["pid"])

    def kill(self) -> None:
        self.guest.call("kill", process=self.handle)

    def calls(self, *calls) -> list[int]:
        """Make system calls, each a number and its arguments; what they return."""
        wanted = [[number, list(args)] for number, *args in calls]
        return [result for result, _ in self.guest.call("sys", process=self.handle, calls=wanted)]

    def umask(self) -> int:
        return self.calls((UMASK, 0o22))[0]

    def open(self) -> int:
        """0, or the negative errno of opening a file to read it."""
        opened, _ = self.calls((OPEN, b"/proc/version\0", 0), (CLOSE, {"ret": 0}))
        return min(opened, 0)

    def sleep(self) -> None:
        self.calls((NANOSLEEP, struct.pack("<qq", 0, 1000), 0))

    def touch(self) -> None:
        """Write to fresh pages."""
        size = 1 << 16
        self.calls((MMAP, 0, size, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0), (GETRANDOM, {"ret": 0}, size, 0))

    def choose_congestion_control(self, name: bytes) -> int:
        """0, or the negative errno of asking for it on a connected socket."""
        address = struct.pack("<H", 2) + struct.pack(">H", 4321) + bytes([127, 0, 0, 1]) + bytes(8)
        *_, chosen, _, _ = self.calls(
            (SOCKET, 2, 1, 0),
            (BIND, {"ret": 0}, address, len(address)),
            (LISTEN, {"ret": 0}, 1),
            (SOCKET, 2, 1, 0),
            (CONNECT, {"ret": 3}, address, len(address)),
            (SETSOCKOPT, {"ret": 3}, *TCP_CONGESTION, name, len(name)),
            (CLOSE, {"ret": 3}),
            (CLOSE, {"ret": 0}),
        )
        return chosen
