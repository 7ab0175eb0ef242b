"""Codecs of single values: what a type's bytes mean in Python.

A :class:`Codec` is compiled once per type into two plain functions, so that a value costs about a
microsecond. Encoders write into a buffer of zeros, and complain by :class:`Misfit`, which learns the path
to the value on its way out and becomes a :class:`~pytest_ebpf.errors.ValueConversionError` at the border.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Literal, TypeAlias

from pytest_ebpf.errors import ValueConversionError
from pytest_ebpf.suggest import suggestion

Order: TypeAlias = Literal["little", "big"]
Decode: TypeAlias = Callable[[bytes, int], Any]
Encode: TypeAlias = Callable[[Any, bytearray, int], None]

_FORMATS: Final = {1: "b", 2: "h", 4: "i", 8: "q"}


class Misfit(Exception):  # noqa: N818  # never seen by a user
    """A value that does not fit; *path* leads from the value handed in to the one at fault."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.path = ""


@dataclass(frozen=True, slots=True)
class Codec:
    """How a type called *name* of *size* bytes is read and written.

    ``decode(data, offset)`` reads; ``encode(value, buffer, offset)`` writes into zeroed *buffer*.
    *sequence* tells that the Python value is a list.
    """

    name: str
    size: int
    decode: Decode
    encode: Encode
    sequence: bool = False


def pack(codec: Codec, value: Any, where: str) -> bytes:
    """Return *value* as the bytes of *codec*; *where* begins the text of a ValueConversionError."""
    buffer = bytearray(codec.size)
    try:
        codec.encode(value, buffer, 0)
    except Misfit as misfit:
        raise ValueConversionError(misfit.what, where=where + misfit.path, hint=misfit.hint) from misfit
    return bytes(buffer)


def unpack(codec: Codec, data: bytes, where: str) -> Any:
    """Return what *data* means by *codec*; ValueConversionError if it is not of the codec's size."""
    if len(data) != codec.size:
        raise ValueConversionError(
            f"{len(data)} bytes are no {codec.name} of {codec.size}",
            where=where,
            hint="the object and its BTF disagree; build it again",
        )
    return codec.decode(data, 0)


def _no_integer(value: Any, name: str, size: int, *, signed: bool) -> Misfit:
    """Say why *value* is not in the range of an integer of *size* bytes."""
    try:
        value = int(value.__index__())
    except AttributeError:
        return Misfit(f"{value!r} is no integer", f"{name} takes a number")
    low, high = (-(1 << size * 8 - 1), (1 << size * 8 - 1) - 1) if signed else (0, (1 << size * 8) - 1)
    return Misfit(f"{value} does not fit {name} ({low}..{high})", "give a number in that range")


def integer(size: int, *, signed: bool, order: Order) -> Codec:
    """An integer of 1, 2, 4, 8 or 16 bytes. ``u8``, ``s64``, ... in messages."""
    name = f"{'s' if signed else 'u'}{size * 8}"
    if size not in _FORMATS:
        return _wide_integer(name, size, signed=signed, order=order)
    letter = _FORMATS[size] if signed else _FORMATS[size].upper()
    form = struct.Struct(("<" if order == "little" else ">") + letter)
    unpack_from, pack_into = form.unpack_from, form.pack_into

    def decode(data: bytes, offset: int) -> int:
        number: int = unpack_from(data, offset)[0]
        return number

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        try:
            pack_into(buffer, offset, value)
        except (struct.error, OverflowError) as error:
            raise _no_integer(value, name, size, signed=signed) from error

    return Codec(name, size, decode, encode)


def _wide_integer(name: str, size: int, *, signed: bool, order: Order) -> Codec:
    def decode(data: bytes, offset: int) -> int:
        return int.from_bytes(data[offset : offset + size], order, signed=signed)

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        try:
            buffer[offset : offset + size] = value.__index__().to_bytes(size, order, signed=signed)
        except (AttributeError, OverflowError) as error:
            raise _no_integer(value, name, size, signed=signed) from error

    return Codec(name, size, decode, encode)


def boolean() -> Codec:
    """``_Bool``: one byte."""

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        if value not in (0, 1):
            raise Misfit(f"{value!r} is no bool", "give True or False")
        buffer[offset] = int(value)

    return Codec("bool", 1, lambda data, offset: data[offset] != 0, encode)


def floating(size: int, order: Order) -> Codec:
    """``float`` and ``double``: 4 or 8 bytes."""
    name = "float" if size == 4 else "double"
    form = struct.Struct(("<" if order == "little" else ">") + name[0])

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        try:
            form.pack_into(buffer, offset, value)
        except (struct.error, OverflowError) as error:
            raise Misfit(f"{value!r} is no {name}", "give a number") from error

    return Codec(name, size, lambda data, offset: form.unpack_from(data, offset)[0], encode)


def enumeration(
    name: str, number: Codec, constants: Mapping[str, int], cls: type[IntEnum] | None
) -> tuple[Codec, Callable[[int], Any], Callable[[Any], Any]]:
    """An enum kept as *number*: decoded to *cls* where there is one, encoded from numbers and names.

    The two functions are what turns the plain number into the Python value and back, for bit fields.
    """
    members = {int(member): member for member in cls} if cls else {}

    def wrap(value: int) -> Any:
        return members.get(value, value)

    def unwrap(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value not in constants:
            raise Misfit(f'{name} has no constant "{value}"', suggestion(value, constants))
        return constants[value]

    read, write = number.decode, number.encode
    codec = Codec(
        name,
        number.size,
        (lambda data, offset: wrap(read(data, offset))) if members else read,
        lambda value, buffer, offset: write(unwrap(value), buffer, offset),
    )
    return codec, wrap, unwrap


def octets(size: int, name: str | None = None) -> Codec:
    """Exactly *size* bytes, kept as bytes."""
    label = name or f"u8[{size}]"

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        buffer[offset : offset + size] = exact_bytes(value, size, label)

    return Codec(label, size, lambda data, offset: bytes(data[offset : offset + size]), encode)


def exact_bytes(value: Any, size: int, name: str) -> bytes:
    """Return *value*, bytes or a list of small numbers, as bytes; :class:`Misfit` unless there are *size*."""
    try:
        data = bytes(value) if not isinstance(value, (int, str)) else None
    except (TypeError, ValueError):
        data = None
    if data is None:
        raise Misfit(f"{value!r} is no {name}", f"give {size} bytes")
    if len(data) != size:
        raise Misfit(f"{len(data)} bytes do not make {name}", f"give exactly {size} bytes")
    return data


def text(size: int) -> Codec:
    """``char[size]``: read up to its first NUL as UTF-8; written from str or bytes, filled up with NULs.

    Bytes that are no UTF-8 become lone surrogates, as in Python's file names, and are written as they were.
    """

    def decode(data: bytes, offset: int) -> str:
        return bytes(data[offset : offset + size]).partition(b"\0")[0].decode("utf-8", "surrogateescape")

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        if not isinstance(value, (str, bytes, bytearray)):
            raise Misfit(f"{value!r} is no text for char[{size}]", "give str or bytes")
        try:
            data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value)
        except UnicodeEncodeError as error:
            raise Misfit(f"{value!r} is no text for char[{size}]", "give bytes") from error
        if len(data) > size:
            raise Misfit(f"{len(data)} bytes of text do not fit char[{size}]", f"give at most {size} bytes")
        buffer[offset : offset + len(data)] = data

    return Codec(f"char[{size}]", size, decode, encode)


def array(element: Codec, count: int) -> Codec:
    """*count* elements one after the other, as a list."""
    name, step, read, write = f"{element.name}[{count}]", element.size, element.decode, element.encode

    def decode(data: bytes, offset: int) -> list[Any]:
        return [read(data, offset + step * index) for index in range(count)]

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        if not isinstance(value, (list, tuple)):
            raise Misfit(f"{value!r} is no {name}", f"give a list of {count}")
        if len(value) != count:
            raise Misfit(f"{len(value)} elements do not make {name}", f"give a list of {count}")
        for index, each in enumerate(value):
            try:
                write(each, buffer, offset + step * index)
            except Misfit as misfit:
                misfit.path = f"[{index}]{misfit.path}"
                raise

    return Codec(name, step * count, decode, encode, sequence=True)


def raw(size: int, order: Order) -> Codec:
    """A value without BTF: a number if its size is that of one (bytes are taken too), else bytes."""
    if size not in _FORMATS:
        return octets(size, f"value of {size} bytes")
    number = integer(size, signed=False, order=order)

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        if isinstance(value, (bytes, bytearray)):
            buffer[offset : offset + size] = exact_bytes(value, size, number.name)
        else:
            number.encode(value, buffer, offset)

    return Codec(number.name, size, number.decode, encode)
