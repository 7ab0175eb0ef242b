"""Messages of netlink, to bytes and from bytes; nothing is sent here.

A message is a header (``struct nlmsghdr``), a body of its type, and attributes (``struct nlattr``), each in
the machine's byte order and padded to 4 bytes. Source: ``include/uapi/linux/netlink.h``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Final

from pytest_ebpf.errors import ProtocolError
from pytest_ebpf.guest.wire import MAX_ERRNO

#: ``nlmsg_type`` of an acknowledgement or a failure, and of the end of a dump.
ERROR: Final = 2
DONE: Final = 3

#: Attributes of an acknowledgement: what the kernel has to say in words.
_ACK_TEXT: Final = 1

_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
#: ``NLA_F_NESTED``, a mark of numbers; the mask leaves out this one and ``NLA_F_NET_BYTEORDER``.
NESTED: Final = 0x8000
_TYPE_MASK: Final = 0x3FFF


class Flag(IntFlag):
    """``nlmsg_flags``. CAPPED and ACK_TLVS are those of an acknowledgement."""

    REQUEST = 1
    ACK = 4
    CAPPED = 0x100
    REPLACE = 0x100
    EXCL = 0x200
    ACK_TLVS = 0x200
    CREATE = 0x400


@dataclass(frozen=True)
class Request:
    """A message to the kernel. *where* names what it is about in an error: ``veth "a"``."""

    type: int
    flags: Flag
    body: bytes
    where: str

    def encode(self, sequence: int) -> bytes:
        """The message as sent, with an acknowledgement asked for."""
        length = _HEADER.size + len(self.body)
        flags = Flag.REQUEST | Flag.ACK | self.flags
        return _HEADER.pack(length, self.type, flags, sequence, 0) + _padded(self.body)


@dataclass(frozen=True)
class Message:
    """A message of the kernel."""

    type: int
    flags: int
    sequence: int
    body: bytes


@dataclass(frozen=True)
class Ack:
    """What became of a request: *errno* is 0 where it was carried out; *text* may say more."""

    errno: int
    text: str


def attribute(number: int, value: bytes) -> bytes:
    """One attribute."""
    return _padded(_ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), number) + value)


def nested(number: int, *attributes: bytes) -> bytes:
    """An attribute that holds others. Mark the number with :data:`NESTED` where ``ip`` does, too."""
    return attribute(number, b"".join(attributes))


def u8(value: int) -> bytes:
    """One byte."""
    return struct.pack("=B", value)


def u16(value: int) -> bytes:
    """Two bytes."""
    return struct.pack("=H", value)


def u32(value: int) -> bytes:
    """Four bytes."""
    return struct.pack("=I", value)


def text(value: str) -> bytes:
    """A string as the kernel wants it, with a zero at its end."""
    return value.encode() + b"\0"


def messages(datagram: bytes) -> list[Message]:
    """The messages of a *datagram*; :class:`~pytest_ebpf.errors.ProtocolError` if it is not made of them."""
    found, offset = [], 0
    while offset < len(datagram):
        rest = len(datagram) - offset
        if rest < _HEADER.size:
            raise ProtocolError(f"netlink: {rest} bytes are no message")
        length, kind, flags, sequence, _ = _HEADER.unpack_from(datagram, offset)
        if not _HEADER.size <= length <= rest:
            raise ProtocolError(f"netlink: a message of {length} bytes in {rest}")
        found.append(Message(kind, flags, sequence, datagram[offset + _HEADER.size : offset + length]))
        offset += _aligned(length)
    return found


def attributes(body: bytes, offset: int = 0) -> dict[int, bytes]:
    """The attributes from *offset* on, by number; of several of one number the last."""
    return dict(_attributes(body, offset))


def _attributes(body: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    while offset < len(body):
        rest = len(body) - offset
        if rest < _ATTRIBUTE.size:
            raise ProtocolError(f"netlink: {rest} bytes are no attribute")
        length, number = _ATTRIBUTE.unpack_from(body, offset)
        if not _ATTRIBUTE.size <= length <= rest:
            raise ProtocolError(f"netlink: an attribute of {length} bytes in {rest}")
        yield number & _TYPE_MASK, body[offset + _ATTRIBUTE.size : offset + length]
        offset += _aligned(length)


def ack(message: Message) -> Ack:
    """Read an acknowledgement (``struct nlmsgerr``): the errno, the request's header, maybe attributes.

    A failure carries the whole request before its attributes, unless it is marked as capped.
    """
    if message.type != ERROR or len(message.body) < 4 + _HEADER.size:
        raise ProtocolError(f"netlink: message of type {message.type} is no acknowledgement")
    error, length = struct.unpack_from("=iI", message.body)
    if not -MAX_ERRNO <= error <= 0:
        raise ProtocolError(f"netlink: an acknowledgement whose status is {error}")
    if not message.flags & Flag.ACK_TLVS:
        return Ack(-error, "")
    whole = error and not message.flags & Flag.CAPPED
    found = attributes(message.body, 4 + (_aligned(length) if whole else _HEADER.size))
    return Ack(-error, found.get(_ACK_TEXT, b"").rstrip(b"\0").decode("utf-8", "backslashreplace"))


def string(value: bytes) -> str:
    """An attribute's string without the zero at its end."""
    return value.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def joined(requests: Sequence[Request], first: int) -> bytes:
    """Several requests for one datagram, numbered from *first* on; the kernel carries out each."""
    return b"".join(request.encode(first + index) for index, request in enumerate(requests))


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
