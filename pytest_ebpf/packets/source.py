"""A packet as the Python text that makes it again."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pytest_ebpf.packets.convert import from_bytes, stay_off_the_network

#: What of a packet is left for scapy to fill in, wherever that gives the same packet.
_FILLED_IN = frozenset({"ihl", "len", "plen", "dataofs", "chksum", "cksum"})


def source(data: bytes) -> str:
    """Return the scapy expression for the frame *data*, without what scapy fills in by itself.

    For frames that scapy cannot make again it is ``bytes.fromhex(...)``.
    """
    stay_off_the_network()
    fallback = f'bytes.fromhex("{data.hex()}")'
    with suppress(Exception):  # scapy lets through whatever its fields raise
        packet = from_bytes(data)
        layer: Any = packet
        while layer.name != "NoPayload":
            _shorten(packet, layer, data)
            layer = layer.payload
        return str(packet.command()) if bytes(packet) == data else fallback
    return fallback


def _shorten(packet: Any, layer: Any, data: bytes) -> None:
    """Take fields out of *layer* that say what scapy would say, or what they say where they are left out."""
    for field in layer.fields_desc:
        if field.name not in layer.fields:
            continue
        value = layer.fields[field.name]
        if field.default is None and field.name not in _FILLED_IN:
            continue
        layer.delfieldval(field.name)
        if bytes(packet) != data:
            layer.setfieldval(field.name, value)
