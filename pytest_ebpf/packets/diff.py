"""What differs between two packets, field by field, for a failing assertion."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scapy.packet import Packet


def differences(left: Packet, right: Packet) -> list[str]:
    """One line for each field that differs, such as ``IP.ttl: 64 != 63``.

    Both packets are compared as they would be sent: fields that scapy computes are computed. A layer
    that only one of them has is one line. Empty when the packets are the same on the wire.
    """
    lines: list[str] = []
    for one, other in zip_longest(_layers(left), _layers(right)):
        if one is None or other is None or type(one) is not type(other):
            lines.append(f"layer: {_name(one)} != {_name(other)}")
            break
        lines += _fields(one, other)
    return lines


def _layers(packet: Packet) -> Iterator[Any]:
    """The layers of *packet* from the outside in, as dissected from its own bytes."""
    layer: Any = type(packet)(bytes(packet))
    while layer.name != "NoPayload":
        yield layer
        layer = layer.payload


def _fields(one: Any, other: Any) -> Iterator[str]:
    for field in one.fields_desc:
        mine, theirs = one.getfieldval(field.name), other.getfieldval(field.name)
        if mine != theirs:
            name = f"{type(one).__name__}.{field.name}"
            yield f"{name}: {field.i2repr(one, mine)} != {field.i2repr(other, theirs)}"


def _name(layer: Any) -> str:
    return "nothing" if layer is None else type(layer).__name__
