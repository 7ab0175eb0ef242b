"""To bytes and from bytes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_ebpf.errors import PacketError

if TYPE_CHECKING:
    from scapy.packet import Packet

#: What a test may hand over as one packet: a scapy packet, or its bytes.
PacketLike: TypeAlias = "Packet | bytes | bytearray | memoryview"

#: EtherType by the first layer of a packet that has no Ethernet header (IEEE 802 numbers, IANA).
_ETHERTYPES: Final = {"IP": 0x0800, "IPv6": 0x86DD, "ARP": 0x0806}

_BROADCAST: Final = "ff:ff:ff:ff:ff:ff"

#: Layers that ``from_bytes`` can begin with, and the scapy module that defines each.
_MODULES: Final = {
    "ARP": "scapy.layers.l2",
    "Ether": "scapy.layers.l2",
    "IP": "scapy.layers.inet",
    "IPv6": "scapy.layers.inet6",
}


def _is_scapy(value: object) -> bool:
    """Whether *value* is a scapy packet; where scapy is not loaded nothing can be one."""
    module = sys.modules.get("scapy.packet")
    return module is not None and isinstance(value, module.Packet)


def stay_off_the_network() -> None:
    """Keep scapy, if it is loaded, from asking the host's network for a receiver's MAC address.

    Where ``Ether`` has no ``dst``, scapy sends ARP requests and waits 2 s for an answer; here it takes the
    broadcast address at once, which is also what it takes when nobody answers.
    """
    if "scapy.layers.l2" in sys.modules:
        neighbor = sys.modules["scapy.config"].conf.neighbor
        neighbor.resolve = lambda _l2, _l3: _BROADCAST


def to_bytes(packet: PacketLike) -> bytes:
    """Return the bytes of *packet*, checksums and lengths filled in by scapy where they were left out.

    :class:`PacketError` for anything that is neither bytes nor a scapy packet, and for a scapy packet
    whose fields cannot be written.
    """
    if isinstance(packet, bytes):
        return packet
    if isinstance(packet, (bytearray, memoryview)):
        return bytes(packet)
    if not _is_scapy(packet):
        raise PacketError(
            f"a {type(packet).__name__} is no packet ({_short(packet)})",
            where="packet",
            hint="give a scapy packet such as Ether() / IP() / UDP(), or bytes",
        )
    stay_off_the_network()
    try:
        return bytes(packet)
    except Exception as error:  # scapy lets through whatever its fields raise
        raise PacketError(
            f"scapy cannot build {packet.name} ({error})",
            where="packet",
            hint="look at the fields it was given",
        ) from error


def all_to_bytes(packets: Iterable[PacketLike]) -> list[bytes]:
    """Return the bytes of each of *packets*.

    A single packet is refused, as both bytes and scapy packets would be iterated over by mistake.
    """
    if isinstance(packets, (bytes, bytearray, memoryview)) or _is_scapy(packets):
        raise PacketError(
            "one packet where several are expected", where="packets", hint="put it in a list, or use run()"
        )
    return [to_bytes(packet) for packet in packets]


def first_layer(packet: object) -> str | None:
    """The name of the outermost layer of a scapy packet (``Ether``, ``IP``, ...); None for anything else."""
    return type(packet).__name__ if _is_scapy(packet) else None


def to_frame(packet: PacketLike, *, layer3: bool) -> bytes:
    """Return *packet* as the Ethernet frame that ``BPF_PROG_TEST_RUN`` wants, for every type of program.

    A scapy packet that begins with IP, IPv6 or ARP gets an Ethernet header of zero addresses when the
    program sees the network layer (*layer3*), and is refused when it sees the frame: a program would
    take the addresses for an Ethernet header. Bytes are taken as the frame they are.
    """
    data = to_bytes(packet)
    layer = first_layer(packet)
    if layer not in _ETHERTYPES:
        return data
    if not layer3:
        raise PacketError(
            f"begins with {layer}, and this program sees Ethernet frames",
            where="packet",
            hint=f"write Ether() / {layer}(...), or give bytes to send it as it is",
        )
    return bytes(12) + _ETHERTYPES[layer].to_bytes(2, "big") + data


def from_bytes(data: bytes, first: str = "Ether") -> Packet:
    """Dissect *data*, whose outermost layer is *first*: ``Ether``, ``IP``, ``IPv6`` or ``ARP``."""
    if first not in _MODULES:
        raise PacketError(
            f"cannot dissect from {first}", where="packet", hint=f"give one of {', '.join(sorted(_MODULES))}"
        )
    import scapy.layers.inet  # noqa: F401, PLC0415  # binds IP and IPv6 below Ether; costs 150 ms, so only here

    layer = getattr(sys.modules[_MODULES[first]], first)
    packet: Packet = layer(data)
    return packet


def network_from_bytes(data: bytes) -> Packet:
    """Dissect *data* from the network layer, IPv4 or IPv6 by its version; what is neither becomes ``Raw``."""
    version = data[0] >> 4 if data else 0
    if version in (4, 6):
        return from_bytes(data, "IP" if version == 4 else "IPv6")
    from scapy.packet import Raw  # noqa: PLC0415

    return Raw(data)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
