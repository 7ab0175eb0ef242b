"""The frames that a test gave to programs and wires last, kept for the report of a failure."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

from pytest_ebpf.packets.pcap import Frame

#: How many frames are kept.
KEPT: Final = 16


class Recent:
    """The last :data:`KEPT` frames; *count* is how many there were."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: deque[tuple[bytes | None, int]] = deque(maxlen=KEPT)

    def note(self, frames: Sequence[bytes | None]) -> None:
        """Take in frames that are given now; None where a program is given none."""
        self.count += len(frames)
        now = time.time_ns()
        for data in frames[-KEPT:]:
            self._kept.append((data, now))

    @property
    def frames(self) -> list[Frame]:
        """What is kept, in order."""
        return [Frame(data, at, sent=True) for data, at in self._kept if data]

    def clear(self) -> None:
        """Forget them: another test begins."""
        self.count = 0
        self._kept.clear()


_KNOWN: WeakKeyDictionary[object, Recent] = WeakKeyDictionary()


def recent_of(guest: object) -> Recent:
    """Return what was given to *guest*."""
    if guest not in _KNOWN:
        _KNOWN[guest] = Recent()
    return _KNOWN[guest]
