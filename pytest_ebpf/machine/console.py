"""What a guest prints on its serial console: kept, bounded, and searched for the kernel's last words."""

from __future__ import annotations

import re
from typing import Final

#: Bytes of console output that are kept, the newest.
KEPT: Final = 256 << 10

#: How the kernel begins to say that it is in trouble (kernel/panic.c, lib/bug.c, arch/x86/kernel/dumpstack.c,
#: arch/x86/mm/fault.c, kernel/watchdog.c, kernel/rcu/tree_stall.h, mm/oom_kill.c).
_SPLAT: Final = re.compile(
    r"(?:\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? )?"
    r"((?:Kernel panic - not syncing|BUG: |Oops: |kernel BUG at |general protection fault|"
    r"watchdog: BUG: |rcu: INFO: \S+ (?:self-)?detected|"
    r"double fault: |stack segment: |invalid opcode: |divide error: ).*)"
)

_COMPLAINT: Final = re.compile(r"^qemu-\S+: (.*)", re.MULTILINE)

#: Terminal control sequences, which the firmware writes.
_CONTROL: Final = re.compile(r"\x1b(?:\[[0-9;?=]*[A-Za-z]|c)|[\x00-\x08\x0b-\x1f\x7f]")


class Console:
    """The newest :data:`KEPT` bytes of a console."""

    def __init__(self) -> None:
        self._data = bytearray()

    def append(self, data: bytes) -> None:
        """Take in what was printed."""
        self._data += data
        if len(self._data) > 2 * KEPT:
            del self._data[:-KEPT]

    @property
    def text(self) -> str:
        """What was printed, as plain lines without control sequences."""
        raw = bytes(self._data[-KEPT:]).decode("utf-8", "replace").replace("\r\n", "\n")
        return _CONTROL.sub("", raw)


def splat(text: str) -> str | None:
    """Return the first line in which the kernel says that it died, without its time stamp; None if none."""
    found = _SPLAT.search(text)
    return found[1].strip() if found else None


def complaint(text: str) -> str | None:
    """Return what the emulator itself complained of, None if it did not."""
    found = _COMPLAINT.search(text)
    return found[1].strip() if found else None
