"""One wire, as a test holds it: packets that it sends, and packets that come."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_ebpf import packets
from pytest_ebpf.errors import ConditionError, PacketError
from pytest_ebpf.guest import Guest
from pytest_ebpf.packets.convert import PacketLike
from pytest_ebpf.packets.pcap import read_pcap
from pytest_ebpf.wire.capture import Capture
from pytest_ebpf.wire.expectation import Expected, check, fits, instead, name
from pytest_ebpf.wire.frames import End, Frames

if TYPE_CHECKING:
    from scapy.packet import Packet

#: Bytes of an Ethernet header, and the longest frame that the emulator and the guest's driver both take.
SHORTEST: Final = 14
LONGEST: Final = 65_535

#: Seconds in which a guest that runs takes a frame, or all that are on their way to it.
_PATIENCE: Final = 10.0


class Wire:
    """A wire to the network card :attr:`interface` of the guest; XDP, tc and the stack get what is sent.

    Frames come and go as scapy packets that begin with ``Ether``, or as bytes. Nothing is lost on it; what
    the guest sends waits to be read. Timeouts are in seconds.
    """

    def __init__(self, guest: Guest, end: End, number: int) -> None:
        self.interface = f"eth{number}"
        self._mac: str | None = None
        self._frames = Frames(guest, end, self.interface)

    def __repr__(self) -> str:
        return f"<wire to {self.interface}>"

    @property
    def mac(self) -> str:
        """The MAC address of the guest's network card."""
        if self._mac is None:
            self._mac = self._frames.read("address")
        return self._mac

    def send(self, packet: PacketLike) -> None:
        """Put a packet on the wire. :class:`~pytest_ebpf.errors.PacketError` if it is no Ethernet frame."""
        self._frames.send(self._frame(packet), self._frames.deadline(_PATIENCE))

    def send_many(self, frames: Iterable[PacketLike]) -> int:
        """Put packets on the wire as quickly as the guest takes them, and return how many there were."""
        return self._frames.send_all(map(self._frame, _several(frames)), _PATIENCE)

    def recv(self, timeout: float = 1.0) -> Packet | None:
        """Return the next packet that the guest sends, None if none comes in time."""
        frame = self.recv_bytes(timeout)
        return None if frame is None else packets.from_bytes(frame)

    def recv_bytes(self, timeout: float = 1.0) -> bytes | None:
        """Return the next frame that the guest sends, None if none comes in time."""
        return self._frames.next(time.monotonic() + timeout)

    def sr1(self, packet: PacketLike, timeout: float = 1.0) -> Packet | None:
        """Send a packet and return the first that answers it, None if none comes in time.

        As with scapy's function, a packet's ``answers()`` decides; what comes before the answer is dropped.
        """
        frame = self._frame(packet)
        question = packets.from_bytes(frame)
        self._frames.send(frame, self._frames.deadline(_PATIENCE))
        deadline = time.monotonic() + timeout
        while (came := self._frames.next(deadline)) is not None:
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
        while (came := self._frames.next(deadline)) is not None:
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
        given = list(_several(frames))
        deadline = self._frames.deadline(timeout)
        return self._frames.exchange(map(self._frame, given), len(given), deadline)

    def settle(self, timeout: float = _PATIENCE) -> None:
        """Wait until the guest's kernel has dealt with all that was sent, and what it sent can be read.

        :class:`~pytest_ebpf.errors.ConditionError` if it does not get there in time.
        """
        self._frames.settle(self._frames.deadline(timeout))

    def capture(self) -> Capture:
        """Note every frame on the wire, both ways, as long as the ``with`` block lasts."""
        return Capture(self.settle, self._frames.captures)

    def replay(self, path: str | os.PathLike[str]) -> int:
        """Send the frames of a pcap file as quickly as the guest takes them; returns how many there are."""
        return self.send_many(read_pcap(Path(path)))

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


def _several(frames: Iterable[PacketLike]) -> Iterable[PacketLike]:
    """*frames*, which are not the bytes of one: those would be iterated over by mistake."""
    if isinstance(frames, (bytes, bytearray, memoryview)):
        raise PacketError(
            "one frame where several are expected", where="packets", hint="put it in a list, or use send()"
        )
    return frames
