"""What went over a wire, both ways."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pytest_ebpf import packets
from pytest_ebpf.errors import UsageError
from pytest_ebpf.packets.pcap import Frame, write_pcap

if TYPE_CHECKING:
    from scapy.packet import Packet


class Capture:
    """The frames on a wire while the ``with`` block lasts; they are left there for who reads the wire.

    *settle* waits until the guest has dealt with what it was sent. The wire tells those in *running* of each
    frame.
    """

    def __init__(self, settle: Callable[[], None], running: list[Capture]) -> None:
        self._settle = settle
        self._running = running
        self._frames: list[Frame] = []
        self._begun = False

    def __enter__(self) -> Self:
        if self in self._running:
            raise UsageError("goes on already", where="capture", hint="make another for the block within")
        self._settle()
        self._begun = True
        self._running.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._settle()
        finally:
            self._running.remove(self)

    @property
    def frames(self) -> list[Frame]:
        """Every frame, in order: the test's as it was sent, the guest's as it was taken in.

        :class:`~pytest_ebpf.errors.UsageError` if it never began: no frames would say that none came.
        """
        if not self._begun:
            raise UsageError("has not begun", where="capture", hint="with wire.capture() as capture: ...")
        if self in self._running:
            self._settle()
        return list(self._frames)

    @property
    def sent(self) -> list[bytes]:
        """The frames that the test sent."""
        return [frame.data for frame in self.frames if frame.sent]

    @property
    def received(self) -> list[bytes]:
        """The frames that the guest sent."""
        return [frame.data for frame in self.frames if not frame.sent]

    @property
    def packets(self) -> list[Packet]:
        """The frames that the guest sent, dissected by scapy; ``.time`` is when each was taken in."""
        return [_packet(frame) for frame in self.frames if not frame.sent]

    def write_pcap(self, path: str | os.PathLike[str]) -> None:
        """Write every frame, both ways, to a file."""
        write_pcap(Path(path), self.frames)

    def note(self, data: bytes, *, sent: bool) -> None:
        """Take in a frame that is on the wire now."""
        self._frames.append(Frame(data, time.time_ns(), sent))


def _packet(frame: Frame) -> Packet:
    packet = packets.from_bytes(frame.data)
    packet.time = frame.time_ns / 1e9
    return packet
