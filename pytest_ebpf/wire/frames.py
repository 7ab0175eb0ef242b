"""Frames on a wire, both ways: none is lost, and it is known when no more will come."""

from __future__ import annotations

import errno
import time
from collections import deque
from collections.abc import Iterable
from typing import Final, Protocol

from pytest_ebpf import packets
from pytest_ebpf.errors import ConditionError, DeadlineError, EbpfError, UsageError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.wire.capture import Capture

#: Frames sent between two looks at what came back, and taken in at once.
_BURST: Final = 32
_GLANCE: Final = 1024

#: Frames under way in an exchange: half of what a send queue of virtio-net holds, and it drops what is more.
_WINDOW: Final = 128

#: Frames of the guest that may wait to be read.
_MOST: Final = 200_000

#: Seconds without a frame after which the guest is asked whether it has dealt with all.
_PAUSE: Final = 0.002

#: Seconds between two such questions.
_MOMENT: Final = 0.001


class End(Protocol):
    """Our end of a wire: frames with deadlines in seconds of ``time.monotonic()``.

    All but :attr:`sent` raise what the loss of the machine is.
    """

    @property
    def sent(self) -> int:
        """How many frames were sent since the machine started."""

    def offer(self, frame: bytes) -> bool:
        """Send a frame if there is room for it now."""

    def make_room(self, deadline: float) -> bool:
        """Wait until there is room for a frame or one has come; false when time is over."""

    def take(self) -> bytes | None:
        """Return the next frame if there is one now."""

    def receive(self, deadline: float) -> bytes | None:
        """Return the next frame, None if none comes in time."""


class Frames:
    """What goes over the wire to the network card *interface* of *guest*, of which *end* is ours.

    What the guest sends waits to be read. *captures* are told of each frame. Deadlines are in seconds of
    ``time.monotonic()``. Where the guest does not do its part in time, that is a
    :class:`~pytest_ebpf.errors.ConditionError`, or a :class:`~pytest_ebpf.errors.DeadlineError` when the time
    of the test is over.
    """

    def __init__(self, guest: Guest, end: End, interface: str) -> None:
        self.interface = interface
        self.captures: list[Capture] = []
        self._guest = guest
        self._end = end
        self._unread: deque[bytes] = deque()
        self._recent = packets.recent_of(guest)

    def deadline(self, timeout: float) -> float:
        """When *timeout* seconds are over, or the time of the test."""
        return min(time.monotonic() + timeout, self._guest.until)

    def send(self, frame: bytes, deadline: float) -> None:
        """Put a frame on the wire, once the guest has room for it."""
        while not self._end.offer(frame):
            if not self._end.make_room(deadline):
                raise self._late("the guest takes no more frames")
            self._glance()
        self._recent.note((frame,))
        for capture in self.captures:
            capture.note(frame, sent=True)

    def send_all(self, frames: Iterable[bytes], patience: float) -> int:
        """Put frames on the wire, each within *patience* seconds, and return how many there were."""
        count = 0
        for count, frame in enumerate(frames, start=1):
            self.send(frame, self.deadline(patience))
            if count % _BURST == 0:
                self._glance()
        return count

    def next(self, deadline: float) -> bytes | None:
        """Take the next frame that the guest sends, None if none comes in time."""
        self._glance()
        if self._unread:
            return self._unread.popleft()
        frame = self._end.receive(min(deadline, self._guest.until))
        if frame is not None:
            return self._noted(frame)
        if deadline > self._guest.until:
            raise self._late("nothing came")
        return None

    def exchange(self, frames: Iterable[bytes], count: int, deadline: float) -> list[bytes]:
        """Send *count* frames, and take those that come back, as many at most; what came before stays."""
        self._glance()
        before, self._unread = self._unread, deque()
        try:
            self._drive(frames, count, deadline)
            return [self._unread.popleft() for _ in range(min(count, len(self._unread)))]
        finally:
            self._unread.extendleft(reversed(before))

    def settle(self, deadline: float) -> None:
        """Wait until the guest's kernel has dealt with all that was sent, and what it sent can be read."""
        while not self._is_settled(deadline):
            pass

    def read(self, name: str) -> str:
        """What sysfs says of the guest's network card: ``address``, ``statistics/rx_packets``."""
        path = f"/sys/class/net/{self.interface}/{name}"
        try:
            return str(self._guest.call("read_file", path=path), "ascii").strip()
        except CallError as error:
            if error.errno != errno.ENOENT:
                raise
            raise UsageError(
                f"{self.interface} is not in the guest's first network namespace",
                where="wire",
                hint="use send() and recv(), and give the MAC address yourself",
            ) from error

    def _drive(self, frames: Iterable[bytes], count: int, deadline: float) -> None:
        """Send *frames*, no more at once than the driver has room for when they all come back."""
        lost = 0
        for sent, frame in enumerate(frames, start=1):
            self.send(frame, deadline)
            if sent % _BURST == 0:
                self._glance()
            ahead = sent - lost - len(self._unread)
            if ahead >= _WINDOW and not self._come_to(sent - lost - _WINDOW // 2, deadline):
                lost = sent - len(self._unread)
        self._come_to(count - lost, deadline)

    def _come_to(self, wanted: int, deadline: float) -> bool:
        """Wait until *wanted* frames are unread; false when it is sure that they will not come."""
        while len(self._unread) < wanted:
            if (frame := self._end.receive(time.monotonic() + _PAUSE)) is not None:
                self._came(frame)
            elif self._is_settled(deadline):
                return len(self._unread) >= wanted
        return True

    def _glance(self) -> bool:
        """Take in what has come so far, not all at once; whether there was anything."""
        for taken in range(_GLANCE):
            frame = self._end.take()
            if frame is None:
                return taken > 0
            self._came(frame)
        return True

    def _came(self, frame: bytes) -> None:
        if len(self._unread) >= _MOST:
            raise UsageError(
                f"{_MOST} frames wait to be read", where=self.interface, hint="read them with recv()"
            )
        self._unread.append(self._noted(frame))

    def _noted(self, frame: bytes) -> bytes:
        for capture in self.captures:
            capture.note(frame, sent=False)
        return frame

    def _is_settled(self, deadline: float) -> bool:
        """Whether the kernel has dealt with all, and all that it sent has been taken in.

        The driver counts every frame that it was given, dropped ones too. What it sends goes out on the
        emulator's next round after that, and so before the answer to one more call.
        """
        if int(self.read("statistics/rx_packets")) >= self._end.sent:
            self._guest.call("hello")
            if not self._glance():
                return True
        if time.monotonic() > deadline:
            raise self._late("the guest has not dealt with all frames in time")
        if (frame := self._end.receive(time.monotonic() + _MOMENT)) is not None:
            self._came(frame)
        return False

    def _late(self, what: str) -> EbpfError:
        if time.monotonic() >= self._guest.until:
            return DeadlineError(f"{what} until the time of the test was over", where=self.interface)
        return ConditionError(what, where=self.interface, hint="look whether the interface is up")
