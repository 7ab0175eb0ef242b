"""Network addresses as text, and the keys of LPM tries as prefixes.

Addresses lie in memory in network order; the length of an LPM key is a native 32-bit number before its
address (``struct bpf_lpm_trie_key_u8``, ``include/uapi/linux/bpf.h``).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Any, Final

from pytest_ebpf.values.codec import Codec, Misfit, Order, exact_bytes

_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")

_NETWORKS: Final = (ipaddress.IPv4Network, ipaddress.IPv6Network)
_ADDRESSES: Final = (ipaddress.IPv4Address, ipaddress.IPv6Address)

#: By the size of an LPM key in bytes: the address family's name, socket constant and bits.
_FAMILIES: Final = {8: ("IPv4", socket.AF_INET, 32), 20: ("IPv6", socket.AF_INET6, 128)}


def ipv4() -> Codec:
    """An IPv4 address: read as ``"10.1.2.3"``; written from that, an ``ipaddress`` object or 4 bytes."""
    return _address("IPv4", socket.AF_INET, 4, "10.0.0.1")


def ipv6() -> Codec:
    """An IPv6 address: read as ``"2001:db8::1"``; written from that, an ``ipaddress`` object or 16 bytes."""
    return _address("IPv6", socket.AF_INET6, 16, "2001:db8::1")


def _address(name: str, family: int, size: int, example: str) -> Codec:
    def decode(data: bytes, offset: int) -> str:
        return socket.inet_ntop(family, data[offset : offset + size])

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        buffer[offset : offset + size] = _packed(value, name, family, size, example)

    return Codec(f"{name} address", size, decode, encode)


def _packed(value: Any, name: str, family: int, size: int, example: str) -> bytes:
    if isinstance(value, str):
        try:
            return socket.inet_pton(family, value)
        except (OSError, ValueError) as error:
            raise Misfit(f'"{value}" is no {name} address', f'write it like "{example}"') from error
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        if len(value.packed) != size:
            raise Misfit(f"{value} is no {name} address", f'give one like "{example}"')
        return value.packed
    if isinstance(value, (bytes, bytearray)):
        return exact_bytes(value, size, f"an {name} address")
    raise Misfit(f"{value!r} is no {name} address", f'give text like "{example}", or {size} bytes')


def mac() -> Codec:
    """A MAC address: read as ``"02:00:00:00:00:01"``; written from that or from 6 bytes."""

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        if isinstance(value, str):
            if not _MAC.fullmatch(value):
                raise Misfit(f'"{value}" is no MAC address', 'write it like "02:00:00:00:00:01"')
            data = bytes.fromhex(value.replace(":", "").replace("-", ""))
        else:
            data = exact_bytes(value, 6, "a MAC address")
        buffer[offset : offset + 6] = data

    return Codec("MAC address", 6, lambda data, offset: bytes(data[offset : offset + 6]).hex(":"), encode)


def is_prefix_size(size: int) -> bool:
    """Whether an LPM key of *size* bytes holds an IPv4 or an IPv6 prefix."""
    return size in _FAMILIES


def prefix(size: int, order: Order, key_of: Codec | None = None) -> Codec:
    """A prefix of 8 (IPv4) or 20 bytes (IPv6): read as ``"10.0.0.0/8"``.

    Written from that, from an address alone (all of its bits), from ``ipaddress`` objects or from bytes. The
    key of an LPM trie is written from what *key_of*, its codec by BTF, takes, too. The trie keeps the bits
    beyond its length as they were given, and looks at none of them: they read as zeros.
    """
    name, family, bits = _FAMILIES[size]

    def decode(data: bytes, offset: int) -> str:
        length = int.from_bytes(data[offset : offset + 4], order)
        address = data[offset + 4 : offset + size]
        if key_of and length < bits:
            beyond = bits - length
            address = (int.from_bytes(address, "big") >> beyond << beyond).to_bytes(bits // 8, "big")
        return f"{socket.inet_ntop(family, address)}/{length}"

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        if isinstance(value, (bytes, bytearray)):
            buffer[offset : offset + size] = exact_bytes(value, size, f"an {name} prefix")
        elif key_of and not isinstance(value, (str, *_NETWORKS, *_ADDRESSES)):
            key_of.encode(value, buffer, offset)
        else:
            network = _network(value, name, bits)
            buffer[offset : offset + 4] = network.prefixlen.to_bytes(4, order)
            buffer[offset + 4 : offset + size] = network.network_address.packed

    return Codec(f"{name} prefix", size, decode, encode)


def _network(value: Any, name: str, bits: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    example = "10.0.0.0/8" if bits == 32 else "2001:db8::/32"
    known = isinstance(value, (str, *_NETWORKS, *_ADDRESSES))  # ipaddress takes plain numbers, too
    try:
        interface = ipaddress.ip_interface(str(value) if known else "")
    except ValueError as error:
        raise Misfit(f"{value!r} is no {name} prefix", f'write it like "{example}"') from error
    if interface.max_prefixlen != bits:
        raise Misfit(f"{value} is no {name} prefix", f'write it like "{example}"')
    if interface.ip != interface.network.network_address:
        raise Misfit(f'"{value}" has bits set beyond its length', f'write "{interface.network}"')
    return interface.network
