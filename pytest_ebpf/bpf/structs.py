"""Codecs of structs, unions and bit fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_ebpf.bpf.codec import Codec, Encode, Misfit, Order, exact_bytes
from pytest_ebpf.bpf.record import Record, as_mapping
from pytest_ebpf.suggest import suggestion


@dataclass(frozen=True, slots=True)
class Field:
    """A named member at *offset* bytes. For a bit field the codec does the shifting."""

    name: str
    offset: int
    codec: Codec


@dataclass(frozen=True, slots=True)
class Choice:
    """A union without a name: its members are fields of the struct around it, and share their bytes.

    Each of *alternatives* is one member, or all fields of a member that is a struct without a name.
    """

    offset: int
    size: int
    alternatives: tuple[tuple[Field, ...], ...]


def names_of(parts: Sequence[Field | Choice]) -> list[str]:
    """The names of all fields, those of unnamed unions included."""
    return [field.name for field in flat(parts)]


def flat(parts: Sequence[Field | Choice]) -> list[Field]:
    """All fields with their offsets from the struct's beginning."""
    found: list[Field] = []
    for part in parts:
        if isinstance(part, Field):
            found.append(part)
        else:
            inner = (field for fields in part.alternatives for field in fields)
            found += [Field(each.name, part.offset + each.offset, each.codec) for each in inner]
    return found


def structure(name: str, size: int, parts: Sequence[Field | Choice], cls: type | None) -> Codec:
    """A struct: read into *cls*, called with its fields by name, or into a :class:`Record`.

    Written from a mapping, a record or a dataclass; fields that are not given are zero, as in C.
    Bytes of the whole size are taken as they are.
    """
    readers = [(each.name, each.offset, each.codec.decode) for each in flat(parts)]
    known = names_of(parts)
    writers = [_writer(part) for part in parts]

    def decode(data: bytes, offset: int) -> Any:
        values = {field: read(data, offset + at) for field, at, read in readers}
        return Record(name, values) if cls is None else cls(**values)

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        if isinstance(value, (bytes, bytearray)):
            buffer[offset : offset + size] = exact_bytes(value, size, name)
            return
        fields = _fields(value, name, known)
        for write in writers:
            write(fields, buffer, offset)

    return Codec(name, size, decode, encode)


def _fields(value: Any, name: str, known: list[str]) -> Mapping[str, Any]:
    fields = as_mapping(value)
    if fields is None:
        raise Misfit(f"{value!r} is no {name}", f"give a mapping or a dataclass with {', '.join(known)}")
    for each in fields:
        if each not in known:
            raise Misfit(f'{name} has no field "{each}"', suggestion(str(each), known))
    return fields


def _writer(part: Field | Choice) -> Callable[[Mapping[str, Any], bytearray, int], None]:
    return _field_writer(part) if isinstance(part, Field) else _choice_writer(part)


def _field_writer(field: Field) -> Callable[[Mapping[str, Any], bytearray, int], None]:
    name, at, write = field.name, field.offset, field.codec.encode

    def encode(fields: Mapping[str, Any], buffer: bytearray, offset: int) -> None:
        if name in fields:
            _at(name, write, fields[name], buffer, offset + at)

    return encode


def _at(name: str, write: Encode, value: Any, buffer: bytearray, offset: int) -> None:
    try:
        write(value, buffer, offset)
    except Misfit as misfit:
        misfit.path = f".{name}{misfit.path}"
        raise


def _choice_writer(choice: Choice) -> Callable[[Mapping[str, Any], bytearray, int], None]:
    """Write the members of a union that are given (None: not given), each on its own, and compare.

    A value that was read holds all members, so all of them may come back; when one was changed and
    the others were not, there is no telling which is meant.
    """

    def encode(fields: Mapping[str, Any], buffer: bytearray, offset: int) -> None:
        writer: dict[int, str] = {}  # which field wrote a byte, by the byte's place in the union
        start = offset + choice.offset
        for alternative in choice.alternatives:
            given = [field for field in alternative if fields.get(field.name) is not None]
            alone = bytearray(choice.size)
            for field in given:
                _at(field.name, field.codec.encode, fields[field.name], alone, field.offset)
            covered = {
                place: field.name
                for field in given
                for place in range(field.offset, field.offset + field.codec.size)
            }
            for place, name in covered.items():
                if place in writer and buffer[start + place] != alone[place]:
                    raise Misfit(
                        f'"{writer[place]}" and "{name}" share their bytes and say different things',
                        "give one of them",
                    )
                buffer[start + place] = alone[place]
            writer |= covered

    return encode


def bit_field(
    name: str,
    start: int,
    bits: int,
    *,
    signed: bool,
    order: Order,
    wrap: Callable[[int], Any] = lambda number: number,
    unwrap: Callable[[Any], Any] = lambda value: value,
) -> tuple[int, Codec]:
    """The byte that *bits* bits from bit *start* of a struct begin in, and a codec that shifts them.

    Bits count from the least significant one of the first byte on little endian, from the most
    significant one on big endian. *wrap* and *unwrap* turn the number into its Python value and back.
    """
    first, skip = divmod(start, 8)
    width = (skip + bits + 7) // 8
    shift = skip if order == "little" else width * 8 - skip - bits
    mask = (1 << bits) - 1
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, mask)

    def decode(data: bytes, offset: int) -> Any:
        number = int.from_bytes(data[offset : offset + width], order) >> shift & mask
        return wrap(number - (1 << bits) if signed and number > high else number)

    def encode(value: Any, buffer: bytearray, offset: int) -> None:
        number = unwrap(value)
        if not isinstance(number, int):
            raise Misfit(f"{value!r} is no integer", f"{name} takes a number")
        if not low <= number <= high:
            raise Misfit(f"{number} does not fit {name} ({low}..{high})", "give a number in that range")
        whole = int.from_bytes(buffer[offset : offset + width], order) | (number & mask) << shift
        buffer[offset : offset + width] = whole.to_bytes(width, order)

    return first, Codec(name, width, decode, encode)
