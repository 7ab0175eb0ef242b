"""What is in a packet, layer by layer, with the place of every field. Read from its bytes by scapy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_ebpf.packets.convert import PacketLike, first_layer, from_bytes, to_bytes

if TYPE_CHECKING:
    from scapy.packet import Packet


@dataclass(frozen=True)
class Field:
    """A field: its *value*, that as people read it, and its *offset* from the beginning of the packet.

    Fields smaller than a byte have the offset of the byte that they begin in.
    """

    name: str
    offset: int
    value: Any
    text: str


@dataclass(frozen=True)
class Layer:
    """A layer that begins at *start*. Offsets and *size*, that of its header, are in bytes."""

    name: str
    start: int
    size: int
    fields: tuple[Field, ...]

    def get(self, name: str) -> Field | None:
        """The field of that name; None if there is none."""
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True)
class Dissected:
    """A packet as it is on the wire, fields that scapy computes computed."""

    data: bytes
    layers: tuple[Layer, ...]


def dissect(packet: PacketLike, like: PacketLike = b"") -> Dissected:
    """Read *packet*. Bytes begin with the same layer as *like*, with ``Ether`` if that is bytes too."""
    data = to_bytes(packet)
    given: Any = next((each for each in (packet, like) if first_layer(each)), None)
    layer: Any = from_bytes(data) if given is None else type(given)(data)
    found: list[Layer] = []
    start = 0
    while layer.name != "NoPayload":
        found.append(_layer(layer, start))
        start += found[-1].size
        layer = layer.payload
    return Dissected(data, tuple(found))


def _layer(layer: Packet, start: int) -> Layer:
    cached = layer.raw_packet_cache
    built: Any = b""
    fields: list[Field] = []
    for field in layer.fields_desc:
        value = layer.getfieldval(field.name)
        at = len(built[0] if isinstance(built, tuple) else built)  # a tuple: within a byte
        if value is not None:
            fields.append(Field(field.name, start + at, value, _text(field.i2repr(layer, value), value)))
        built = field.addfield(layer, built, value)
    size = len(built if cached is None else cached)
    return Layer(type(layer).__name__, start, size, tuple(fields))


def _text(shown: Any, value: Any) -> str:
    """A value as scapy shows it, with the number where scapy has a name for it."""
    named = type(value) is int and not str(shown)[:1].isdigit()
    return f"{value} ({shown})" if named else str(shown)
