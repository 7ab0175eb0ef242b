"""Files of captured frames, as tcpdump and Wireshark write and read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf.errors import PacketError

#: LINKTYPE_ETHERNET of the list of link-layer header types (https://www.tcpdump.org/linktypes.html).
_ETHERNET: Final = 1

_SECOND: Final = 1_000_000_000


@dataclass(frozen=True)
class Frame:
    """A frame on a wire: its bytes, when it was there (ns of Unix time), whether the test *sent* it."""

    data: bytes
    time_ns: int
    sent: bool


def read_pcap(path: Path) -> list[bytes]:
    """Return the Ethernet frames in a pcap or pcapng file, compressed with gzip or not.

    :class:`PacketError` if it is no such file, or holds something else than Ethernet.
    """
    from scapy.error import Scapy_Exception  # noqa: PLC0415 - slow to import
    from scapy.utils import RawPcapReader  # noqa: PLC0415

    frames: list[bytes] = []
    try:
        with RawPcapReader(str(path)) as reader:
            for data, about in reader:
                linktype = getattr(reader, "linktype", None) or getattr(about, "linktype", _ETHERNET)
                if linktype != _ETHERNET:
                    raise PacketError(
                        f"holds something else than Ethernet frames (link type {linktype})", where=str(path)
                    )
                frames.append(bytes(data))
    except OSError as error:
        raise PacketError(f"cannot be read ({error.strerror or error})", where=str(path)) from error
    except Scapy_Exception as error:
        raise PacketError(f"is no capture ({error})", where=str(path), hint="give a pcap file") from error
    return frames


def write_pcap(path: Path, frames: Iterable[Frame]) -> None:
    """Write a pcap file with times in nanoseconds; :class:`PacketError` if that cannot be done."""
    from scapy.utils import RawPcapWriter  # noqa: PLC0415 - slow to import

    try:
        with RawPcapWriter(str(path), linktype=_ETHERNET, nano=True) as writer:
            writer.write_header(None)
            for frame in frames:
                seconds, rest = divmod(frame.time_ns, _SECOND)
                writer.write_packet(frame.data, sec=seconds, usec=rest)
    except OSError as error:
        raise PacketError(f"cannot be written ({error.strerror})", where=str(path)) from error
