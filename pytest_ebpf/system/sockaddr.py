"""Addresses of sockets, between Python's form and the kernel's ``struct sockaddr_*``.

======== ===================================== ======================================
family   address                               structure
======== ===================================== ======================================
INET     ``(host, port)``                      ``include/uapi/linux/in.h``
INET6    ``(host, port[, flow, scope])``       ``include/uapi/linux/in6.h``
UNIX     a path; abstract with a first NUL     ``include/uapi/linux/un.h``
PACKET   ``(index, protocol[, mac])``          ``include/uapi/linux/if_packet.h``
NETLINK  ``(pid, groups)``                     ``include/uapi/linux/netlink.h``
VSOCK    ``(cid, port)``                       ``include/uapi/linux/vm_sockets.h``
======== ===================================== ======================================
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any, Final

from pytest_ebpf.errors import UsageError

#: Not in Python's ``socket`` everywhere.
AF_NETLINK: Final = 16
AF_PACKET: Final = 17
AF_VSOCK: Final = 40

#: Room for any address: ``struct sockaddr_storage``.
ROOM: Final = 128

Address = str | bytes | tuple[Any, ...]

_HEAD: Final = struct.Struct("=H")


def _pack_inet(host: str, port: int) -> bytes:
    return struct.pack(">H4s8x", port, socket.inet_pton(socket.AF_INET, host))


def _unpack_inet(body: bytes) -> Address:
    port, host = struct.unpack_from(">H4s", body)
    return socket.inet_ntop(socket.AF_INET, host), port


def _pack_inet6(host: str, port: int, flow: int = 0, scope: int = 0) -> bytes:
    # Flow in network byte order, scope in the machine's.
    return struct.pack(">HI16s", port, flow, socket.inet_pton(socket.AF_INET6, host)) + struct.pack(
        "=I", scope
    )


def _unpack_inet6(body: bytes) -> Address:
    port, flow, host = struct.unpack_from(">HI16s", body)
    (scope,) = struct.unpack_from("=I", body, 22)
    return socket.inet_ntop(socket.AF_INET6, host), port, flow, scope


def _pack_packet(index: int, protocol: int, mac: bytes = b"") -> bytes:
    # struct sockaddr_ll: the kernel fills in the kinds of hardware and packet.
    return struct.pack(">H", protocol) + struct.pack("=iHBB8s", index, 0, 0, len(mac), mac)


def _unpack_packet(body: bytes) -> Address:
    (protocol,) = struct.unpack_from(">H", body)
    index, _, _, length, mac = struct.unpack_from("=iHBB8s", body, 2)
    return index, protocol, mac[:length]


def _pack_netlink(pid: int, groups: int) -> bytes:
    return struct.pack("=2xII", pid, groups)


def _unpack_netlink(body: bytes) -> Address:
    return struct.unpack_from("=2xII", body)


def _pack_vsock(cid: int, port: int) -> bytes:
    return struct.pack("=2xII4x", port, cid)


def _unpack_vsock(body: bytes) -> Address:
    port, cid = struct.unpack_from("=2xII", body)
    return cid, port


_FAMILIES: Final[dict[int, tuple[str, Callable[..., bytes], Callable[[bytes], Address]]]] = {
    socket.AF_INET: ('(address, port), as in ("127.0.0.1", 80)', _pack_inet, _unpack_inet),
    socket.AF_INET6: (
        '(address, port[, flow, scope]), as in ("::1", 80)',
        _pack_inet6,
        _unpack_inet6,
    ),
    AF_PACKET: ("(index, protocol[, mac])", _pack_packet, _unpack_packet),
    AF_NETLINK: ("(pid, groups)", _pack_netlink, _unpack_netlink),
    AF_VSOCK: ("(cid, port)", _pack_vsock, _unpack_vsock),
}


def pack_address(family: int, address: Address) -> bytes:
    """Return *address* as the kernel takes it; :class:`~pytest_ebpf.errors.UsageError` if it is none."""
    if family == socket.AF_UNIX:
        return _HEAD.pack(family) + _unix_path(address)
    if family not in _FAMILIES:
        raise UsageError(f"addresses of family {family} are not known here", where=repr(address))
    form, pack, _ = _FAMILIES[family]
    try:
        return _HEAD.pack(family) + pack(*_tuple(address))
    except (OSError, TypeError, struct.error) as error:
        raise UsageError(
            f"not an address of family {_name(family)}", where=repr(address), hint=f"give {form}"
        ) from error


def _tuple(address: Address) -> tuple[Any, ...]:
    if isinstance(address, tuple):
        return address
    raise TypeError


def unpack_address(data: bytes) -> Address:
    """Return the address that the kernel gave; empty for none, bytes where the family is not known."""
    if len(data) < _HEAD.size:
        return ""
    (family,) = _HEAD.unpack_from(data)
    body = data[_HEAD.size :]
    if family == socket.AF_UNIX:
        return _unix_name(body)
    # What is left out at the end is zero.
    return _FAMILIES[family][2](body.ljust(ROOM, b"\0")) if family in _FAMILIES else data


def _unix_path(address: Address) -> bytes:
    if not isinstance(address, str | bytes):
        raise UsageError("not an address of family AF_UNIX", where=repr(address), hint="give a path")
    raw = address.encode(errors="surrogateescape") if isinstance(address, str) else address
    # An abstract name is as long as it says, a path ends with a NUL.
    return raw if raw[:1] == b"\0" else raw + b"\0"


def _unix_name(body: bytes) -> Address:
    return body if body[:1] == b"\0" else body.split(b"\0", 1)[0].decode(errors="surrogateescape")


def _name(family: int) -> str:
    return {AF_PACKET: "AF_PACKET", AF_NETLINK: "AF_NETLINK", AF_VSOCK: "AF_VSOCK"}.get(family) or (
        socket.AddressFamily(family).name
    )
