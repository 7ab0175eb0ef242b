"""One wire: what a test sends, what comes back, and when there is nothing more to come."""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from pytest_ebpf import packets
from pytest_ebpf.errors import ConditionError, DeadlineError, EbpfError, PacketError, UsageError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.packets.convert import PacketLike
from pytest_ebpf.packets.pcap import read_pcap
from pytest_ebpf.wire.capture import Capture
from pytest_ebpf.wire.expectation import Expected, check, fits, instead, name

if TYPE_CHECKING:
    from scapy.packet import Packet

#: Bytes of an Ethernet header, and the longest frame that the emulator and the guest's driver both take.
SHORTEST: Final = 14
LONGEST: Final = 65_535

#: Seconds in which a guest that runs takes a frame, or all that are on their way to it.
_PATIENCE: Final = 10.0

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


class Wire:
    """A wire to the network card :attr:`interface` of the guest; XDP, tc and the stack get what is sent.

    Frames come and go as scapy packets that begin with ``Ether``, or as bytes. Nothing is lost on it; what
    the guest sends waits to be read. Timeouts are in seconds.
    """

    def __init__(self, guest: Guest, end: End, number: int) -> None:
        self.interface = f"eth{number}"
        self._guest = guest
        self._end = end
        self._mac: str | None = None
        self._unread: deque[bytes] = deque()
        self._captures: list[Capture] = []
        self._recent = packets.recent_of(guest)

    def __repr__(self) -> str:
        return f"<wire to {self.interface}>"

    @property
    def mac(self) -> str:
        """The MAC address of the guest's network card."""
        if self._mac is None:
            self._mac = self._read("address")
        return self._mac

    def send(self, packet: PacketLike) -> None:
        """Put a packet on the wire. :class:`~pytest_ebpf.errors.PacketError` if it is no Ethernet frame."""
        self._send(self._frame(packet), self._deadline(_PATIENCE))

    def send_many(self, frames: Iterable[PacketLike]) -> int:
        """Put packets on the wire as quickly as the guest takes them, and return how many there were."""
        count = 0
        for count, packet in enumerate(_several(frames), start=1):
            self._send(self._frame(packet), self._deadline(_PATIENCE))
            if count % _BURST == 0:
                self._glance()
        return count

    def recv(self, timeout: float = 1.0) -> Packet | None:
        """Return the next packet that the guest sends, None if none comes in time."""
        frame = self.recv_bytes(timeout)
        return None if frame is None else packets.from_bytes(frame)

    def recv_bytes(self, timeout: float = 1.0) -> bytes | None:
        """Return the next frame that the guest sends, None if none comes in time."""
        return self._next(time.monotonic() + timeout)

    def sr1(self, packet: PacketLike, timeout: float = 1.0) -> Packet | None:
        """Send a packet and return the first that answers it, None if none comes in time.

        As with scapy's function, a packet's ``answers()`` decides; what comes before the answer is dropped.
        """
        frame = self._frame(packet)
        question = packets.from_bytes(frame)
        self._send(frame, self._deadline(_PATIENCE))
        deadline = time.monotonic() + timeout
        while (came := self._next(deadline)) is not None:
            answer = packets.from_bytes(came)
            if answer.answers(question):
                return answer
        return None

    def expect(self, what: Expected = None, timeout: float = 1.0) -> Packet:
        """Return the first packet from the guest that has the layer *what*, or for which *what* is true.

        What comes before it is dropped. :class:`~pytest_ebpf.errors.ConditionError` says what came instead.
        """
        check(what, self.interface)
        others: list[Packet] = []
        deadline = time.monotonic() + timeout
        while (came := self._next(deadline)) is not None:
            packet = packets.from_bytes(came)
            if fits(packet, what):
                return packet
            others.append(packet)
        raise ConditionError(
            f"no {name(what)} came within {timeout:g} s ({instead(others)})", where=self.interface
        )

    def exchange(self, frames: Iterable[PacketLike], timeout: float = 10.0) -> list[bytes]:
        """Send *frames* and return those that come back: as many, or fewer once it is sure that no more will.

        Sure it is when the guest's kernel has dealt with all of them; what a process of the guest sends is
        not waited for. :class:`~pytest_ebpf.errors.ConditionError` if the kernel does not get there in time.
        """
        deadline = self._deadline(timeout)
        given = list(_several(frames))
        self._glance()
        before, self._unread = self._unread, deque()
        try:
            self._drive(given, deadline)
            return [self._unread.popleft() for _ in range(min(len(given), len(self._unread)))]
        finally:
            self._unread.extendleft(reversed(before))

    def settle(self, timeout: float = _PATIENCE) -> None:
        """Wait until the guest's kernel has dealt with all that was sent, and what it sent can be read.

        :class:`~pytest_ebpf.errors.ConditionError` if it does not get there in time.
        """
        deadline = self._deadline(timeout)
        while not self._is_settled(deadline):
            pass

    def capture(self) -> Capture:
        """Note every frame on the wire, both ways, as long as the ``with`` block lasts."""
        return Capture(self.settle, self._captures)

    def replay(self, path: str | os.PathLike[str]) -> int:
        """Send the frames of a pcap file as quickly as the guest takes them; returns how many there are."""
        return self.send_many(read_pcap(Path(path)))

    def _drive(self, frames: Sequence[PacketLike], deadline: float) -> None:
        """Send *frames*, no more at once than the driver has room for when they all come back."""
        lost = 0
        for count, packet in enumerate(frames, start=1):
            self._send(self._frame(packet), deadline)
            if count % _BURST == 0:
                self._glance()
            ahead = count - lost - len(self._unread)
            if ahead >= _WINDOW and not self._come_to(count - lost - _WINDOW // 2, deadline):
                lost = count - len(self._unread)
        self._come_to(len(frames) - lost, deadline)

    def _come_to(self, wanted: int, deadline: float) -> bool:
        """Wait until *wanted* frames are unread; false when it is sure that they will not come."""
        while len(self._unread) < wanted:
            if (frame := self._end.receive(time.monotonic() + _PAUSE)) is not None:
                self._came(frame)
            elif self._is_settled(deadline):
                return len(self._unread) >= wanted
        return True

    def _send(self, frame: bytes, deadline: float) -> None:
        while not self._end.offer(frame):
            if not self._end.make_room(deadline):
                raise self._late("the guest takes no more frames")
            self._glance()
        self._recent.note((frame,))
        for capture in self._captures:
            capture.note(frame, sent=True)

    def _next(self, deadline: float) -> bytes | None:
        self._glance()
        if not self._unread:
            frame = self._end.receive(min(deadline, self._guest.until))
            if frame is None and deadline > self._guest.until:
                raise self._late("nothing came")
            return frame if frame is None else self._noted(frame)
        return self._unread.popleft()

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
        for capture in self._captures:
            capture.note(frame, sent=False)
        return frame

    def _is_settled(self, deadline: float) -> bool:
        """Whether the kernel has dealt with all, and all that it sent has been taken in.

        The driver counts every frame that it was given, dropped ones too. What it sends goes out on the
        emulator's next round after that, and so before the answer to one more call.
        """
        if int(self._read("statistics/rx_packets")) >= self._end.sent:
            self._guest.call("hello")
            if not self._glance():
                return True
        if time.monotonic() > deadline:
            raise self._late("the guest has not dealt with all frames in time")
        if (frame := self._end.receive(time.monotonic() + _MOMENT)) is not None:
            self._came(frame)
        return False

    def _read(self, name: str) -> str:
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

    def _frame(self, packet: PacketLike) -> bytes:
        if type(packet) is bytes and SHORTEST <= len(packet) <= LONGEST:
            return packet
        layer = packets.first_layer(packet)
        if layer in ("IP", "IPv6", "ARP"):
            raise PacketError(
                f"begins with {layer}, and a wire carries Ethernet frames",
                where="packet",
                hint=f"write Ether() / {layer}(...)",
            )
        frame = packets.to_bytes(packet)
        if not SHORTEST <= len(frame) <= LONGEST:
            raise PacketError(
                f"a frame has {SHORTEST} to {LONGEST} bytes (seen {len(frame)})", where="packet"
            )
        return frame

    def _late(self, what: str) -> EbpfError:
        if time.monotonic() >= self._guest.until:
            return DeadlineError(f"{what} until the time of the test was over", where=self.interface)
        return ConditionError(what, where=self.interface, hint="look whether the interface is up")

    def _deadline(self, timeout: float) -> float:
        return min(time.monotonic() + timeout, self._guest.until)


def _several(frames: Iterable[PacketLike]) -> Iterable[PacketLike]:
    """*frames*, which are not the bytes of one: those would be iterated over by mistake."""
    if isinstance(frames, (bytes, bytearray, memoryview)):
        raise PacketError(
            "one frame where several are expected", where="packets", hint="put it in a list, or use send()"
        )
    return frames
