"""Codecs of structs, unions and bit fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_ebpf.suggest import suggestion
from pytest_ebpf.values.codec import Codec, Misfit, Order, exact_bytes
from pytest_ebpf.values.record import Record, as_mapping


@dataclass(frozen=True, slots=True)
class Field:
    """A named member at *offset* bytes. For a bit field the codec does the shifting."""

    name: str
    offset: int
    codec: Codec


@dataclass(frozen=True, slots=True)
class Choice:
    """A union. Its members share their bytes, and without a name are fields of the struct around it.

    Each of *alternatives* is one member, or all parts of a member that is a struct without a name. *end* is
    the byte behind the last of them; offsets count, as everywhere, from the beginning of the struct.
    """

    end: int
    alternatives: tuple[tuple[Field | Choice, ...], ...]


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
            found += [field for inner in part.alternatives for field in flat(inner)]
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


_Write = Callable[[Mapping[str, Any], bytearray, int], None]


def _writer(part: Field | Choice) -> _Write:
    return _field_writer(part) if isinstance(part, Field) else _choice_writer(part)


def _field_writer(field: Field) -> _Write:
    name, at, write = field.name, field.offset, field.codec.encode

    def encode(fields: Mapping[str, Any], buffer: bytearray, offset: int) -> None:
        if name in fields:
            try:
                write(fields[name], buffer, offset + at)
            except Misfit as misfit:
                misfit.path = f".{name}{misfit.path}"
                raise

    return encode


def _choice_writer(choice: Choice) -> _Write:
    """Write the members of a union that are given (None: not given), each on its own, and compare.

    A value that was read holds all members, so all of them may come back; when one was changed and
    the others were not, there is no telling which is meant.
    """
    alternatives = [(flat(parts), [_writer(part) for part in parts]) for parts in choice.alternatives]

    def encode(fields: Mapping[str, Any], buffer: bytearray, offset: int) -> None:
        whole = bytearray(choice.end)
        wrote: dict[int, Field] = {}  # the field that said what a byte is, by the byte's place
        for known, writers in alternatives:
            given = {each.name: fields[each.name] for each in known if fields.get(each.name) is not None}
            alone = bytearray(choice.end)
            for write in writers:
                write(given, alone, 0)
            said = {place: each for each in known if each.name in given for place in _places(each)}
            trial = bytearray(whole)
            for place in said:
                trial[place] = alone[place]
            clash = next((place for place in said if place in wrote and trial[place] != whole[place]), None)
            if clash is None or _says(trial, wrote.values(), fields):
                whole = trial
                wrote |= said
            elif not _says(whole, said.values(), fields):
                both = f'"{wrote[clash].name}" and "{said[clash].name}"'
                raise Misfit(f"{both} share their bytes and say different things", "give one of them")
        for place in wrote:
            buffer[offset + place] = whole[place]

    return encode


def _places(field: Field) -> range:
    return range(field.offset, field.offset + field.codec.size)


def _says(data: bytearray, fields: Iterable[Field], given: Mapping[str, Any]) -> bool:
    """Whether *data* reads as what is given, which says nothing of padding and of what is behind a text."""
    return all(each.codec.decode(bytes(data), each.offset) == given[each.name] for each in fields)


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
