"""Whether the checksums in a packet are right: IPv4, TCP, UDP, ICMP, ICMPv6 (RFC 1071, 768, 8200)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.packets.convert import PacketLike
from pytest_ebpf.packets.layers import Dissected, Layer, dissect

#: Protocol numbers (IANA) of the layers that have a checksum over their payload.
_PROTOCOLS: Final = {"ICMP": 1, "TCP": 6, "UDP": 17, "ICMPv6": 58}

#: What scapy calls the layers of a packet that an ICMP error is about.
_QUOTED: Final = {
    "IPerror": "IP",
    "IPerror6": "IPv6",
    "TCPerror": "TCP",
    "UDPerror": "UDP",
    "ICMPerror": "ICMP",
}

_UDP_HEADER: Final = 8

#: Headers after which the addresses, or the part of the payload that is here, are not those of the checksum.
_OTHERWISE: Final = frozenset({"IPv6ExtHdrFragment", "IPv6ExtHdrRouting", "IPv6ExtHdrSegmentRouting"})


@dataclass(frozen=True)
class Checksum:
    """A checksum: of which *layer*, in which *field* at which *offset*; what is *stated*, what is *right*."""

    layer: str
    field: str
    offset: int
    stated: int
    right: int

    @property
    def ok(self) -> bool:
        """Whether it is right."""
        return self.stated == self.right

    def __repr__(self) -> str:
        return f"{self.layer}.{self.field}: {self.stated:#06x} is wrong; {self.right:#06x} is right"


def wrong_checksums(packet: PacketLike) -> list[Checksum]:
    """Return the checksums in *packet* that are wrong, the outermost first.

    Those that cannot be verified are left out: of fragments, of packets that are cut short, of UDP packets
    over IPv4 that have none; and those of a packet that an ICMP error quotes, which are as they were.
    """
    return [each for each in checksums(dissect(packet)) if not each.ok]


def checksums(packet: Dissected, *, quoted: bool = False) -> Iterator[Checksum]:
    """The checksums of *packet* that can be verified, the outermost first.

    With *quoted* those of the packet that an ICMP error is about, too.
    """
    network: Layer | None = None
    for layer in packet.layers:
        name = _own_name(layer)
        if name != layer.name and not quoted:
            return
        if name in ("IP", "IPv6"):
            network = layer
        elif name in _OTHERWISE:
            network = None
        if name == "IP":
            covered = packet.data[layer.start : layer.start + layer.size]
            yield from _verified(layer, "chksum", b"", covered)
        elif network is not None and (covered := _segment(packet.data, network, layer)):
            yield from _verified(layer, *_pseudo_header(packet.data, network, layer, len(covered)), covered)


def _own_name(layer: Layer) -> str:
    return _QUOTED.get(layer.name, layer.name)


def _verified(layer: Layer, name: str, before: bytes, covered: bytes) -> Iterator[Checksum]:
    field = layer.get(name)
    if field is None or (_own_name(layer) == "UDP" and field.value == 0):
        return
    at = field.offset - layer.start
    right = _folded(before + covered[:at] + b"\0\0" + covered[at + 2 :]) ^ 0xFFFF
    if _own_name(layer) == "UDP":
        right = right or 0xFFFF  # zero says that there is none (RFC 768)
    yield Checksum(layer.name, name, field.offset, int(field.value), right)


def _protocol(layer: Layer) -> int | None:
    """The protocol of a layer with a checksum; scapy has a layer for each type of ICMPv6 message."""
    own = _own_name(layer)
    name = "ICMPv6" if own.startswith("ICMPv6") and layer.get("cksum") else own
    return _PROTOCOLS.get(name)


def _segment(data: bytes, network: Layer, layer: Layer) -> bytes:
    """The bytes that the checksum of *layer* is over; none if they are not all here."""
    if _protocol(layer) is None:
        return b""
    if _own_name(network) == "IP":
        if _number(network, "frag") or _number(network, "flags") & 1:  # bit 0 of scapy's flags: MF
            return b""
        end = network.start + _number(network, "len")
    else:
        end = network.start + network.size + _number(network, "plen")
    if _own_name(layer) == "UDP" and (size := _number(layer, "len")) >= _UDP_HEADER:
        end = min(end, layer.start + size)
    return data[layer.start : end] if end <= len(data) else b""


def _pseudo_header(data: bytes, network: Layer, layer: Layer, length: int) -> tuple[str, bytes]:
    """The name of the field of the checksum, and what it is over besides the segment."""
    protocol = _protocol(layer) or 0
    if _own_name(network) == "IPv6":
        addresses = data[network.start + 8 : network.start + 40]
        field = "cksum" if layer.name.startswith("ICMPv6") else "chksum"
        return field, addresses + length.to_bytes(4, "big") + protocol.to_bytes(4, "big")
    if _own_name(layer) == "ICMP":
        return "chksum", b""
    addresses = data[network.start + 12 : network.start + 20]
    return "chksum", addresses + protocol.to_bytes(2, "big") + length.to_bytes(2, "big")


def _number(layer: Layer, name: str) -> int:
    field = layer.get(name)
    return 0 if field is None else int(field.value)


def _folded(data: bytes) -> int:
    """The ones' complement sum of *data* in 16-bit words (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
