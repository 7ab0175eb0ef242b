"""Codecs by BTF: every type of an object compiled once, when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from enum import IntEnum
from typing import Any

from pytest_ebpf.btf import (
    Array,
    Btf,
    Enum,
    Float,
    Int,
    Member,
    Modifier,
    Ptr,
    Struct,
    Type,
    Typedef,
)
from pytest_ebpf.errors import ValueConversionError
from pytest_ebpf.values import codec, structs
from pytest_ebpf.values.codec import Codec, Order
from pytest_ebpf.values.lookup import pointed_to, type_called
from pytest_ebpf.values.special import NETWORK_ORDER, WRITTEN, is_hidden, is_special

Bindings = Mapping[str, type]


def bindings_of(namespace: Mapping[str, Any]) -> dict[str, type]:
    """The classes of a module (its ``vars``) that say which C type they stand for, by that type's name.

    They say so by an attribute ``__btf_name__``: dataclasses for structs and unions, IntEnums for enums.
    """
    classes = (each for each in namespace.values() if isinstance(each, type))
    return {name: each for each in classes if isinstance(name := vars(each).get("__btf_name__"), str)}


class Values:
    """The codecs of one object's types."""

    def __init__(self, btf: Btf, bindings: Bindings | None = None) -> None:
        self._btf = btf
        self._bindings = bindings or {}
        self._order: Order = "little" if btf.little_endian else "big"
        self._codecs: dict[int, Codec] = {}
        self._inside: set[int] = set()

    def codec(self, type_id: int) -> Codec:
        """The codec of a type; ValueConversionError for one without a size."""
        found = self._codecs.get(type_id)
        if found is None:
            with self._within(type_id):
                found = self._codecs[type_id] = self._compile(type_id)
        return found

    def named(self, name: str) -> Codec:
        """The codec of the struct, union, enum, typedef or int called *name* (with or without ``struct``)."""
        return self.codec(type_called(self._btf, name))

    def record(self, name: str, *, short: bool = False) -> Codec:
        """The codec of records of that type, which may be longer than it says.

        A flexible array in last place has what is left of the record. So has, with *short*, any array there:
        programs send no more of it than they filled. Its size is the least that a record has.
        """
        type_id = type_called(self._btf, name)
        return self._open(type_id, short=short) or self.codec(type_id)

    def ends_in_text(self, type_id: int) -> bool:
        """Whether a type is a struct whose last member is ``char[N]``."""
        found = self._btf.type(self._btf.strip(type_id))
        members = found.members if isinstance(found, Struct) else ()
        return bool(members) and self.codec(members[-1].type_id).name.startswith("char[")

    def argument(self, function: str) -> Codec | None:
        """The codec of the struct that *function* is given a pointer to, first of all; None for another."""
        target = pointed_to(self._btf, function)
        return None if target is None else self.codec(target)

    def _compile(self, type_id: int) -> Codec:
        name, type_id = self._walk(type_id)
        found = self._btf.type(type_id)
        if name in WRITTEN and self._btf.size(type_id) == (written := WRITTEN[name](self._order)).size:
            return written
        if isinstance(found, Int):
            return _integer(found, "big" if name in NETWORK_ORDER else self._order)
        if isinstance(found, Struct):
            return self._struct(found, name)
        match found:
            case Ptr():
                made = codec.integer(8, signed=False, order=self._order)
            case Float(size=4 | 8):
                made = codec.floating(found.size, self._order)
            case Float():  # long double, _Float16
                made = codec.octets(found.size, found.name)
            case Enum():
                made = self._enumeration(found, name)[0]
            case Array():
                made = self._array(found)
            case _:
                raise self._valueless(type_id)
        return made

    @contextmanager
    def _within(self, type_id: int) -> Iterator[None]:
        """Look into a type, which no compiler puts into itself."""
        if type_id in self._inside:
            raise _damaged(f"{self._btf.name(type_id)} contains itself")
        self._inside.add(type_id)
        try:
            yield
        finally:
            self._inside.remove(type_id)

    def _valueless(self, type_id: int) -> ValueConversionError:
        return ValueConversionError(
            f"{self._btf.name(type_id)} has no value", hint="declare a type that has one"
        )

    def _walk(self, type_id: int) -> tuple[str, int]:
        """Go through typedefs and qualifiers to the type behind; the name that gives it its meaning.

        That is the first with a special one, else the innermost typedef of a type without a name.
        """
        name, seen = "", self._btf.type(type_id)
        for _ in range(len(self._btf)):
            if not isinstance(seen, (Typedef, Modifier)):
                break
            if isinstance(seen, Typedef) and not is_special(name):
                name = seen.name
            type_id = seen.type_id
            seen = self._btf.type(type_id)
        if isinstance(seen, (Struct, Enum)) and seen.name and not is_special(name):
            name = seen.name
        return name, type_id

    def _enumeration(
        self, found: Enum, name: str
    ) -> tuple[Codec, Callable[[int], Any], Callable[[Any], Any]]:
        constants, signed = _constants(found)
        number = codec.integer(found.size, signed=signed, order=self._order)
        cls = self._bindings.get(name)
        bound = cls if cls and issubclass(cls, IntEnum) else None
        return codec.enumeration(f"enum {name}".rstrip(), number, constants, bound)

    def _array(self, found: Array) -> Codec:
        element = self._btf.type(self._btf.strip(found.type_id))
        if isinstance(element, Int) and element.size == 1 and not element.boolean:
            if element.name == "char":
                return codec.text(found.count)
            if not element.signed:
                return codec.octets(found.count)
        return codec.array(self.codec(found.type_id), found.count)

    def _struct(self, found: Struct, name: str) -> Codec:
        parts = [] if is_hidden(self._btf, found) else self._members(found, 0)
        return self._structure(name or ("union" if found.is_union else "struct"), found.size, parts)

    def _structure(self, name: str, size: int, parts: list[structs.Field | structs.Choice]) -> Codec:
        for each in structs.flat(parts):
            if each.offset + each.codec.size > size:
                raise _damaged(f"{name}.{each.name} lies behind its end ({size} bytes)")
        return structs.structure(name, size, parts, self._binding(name, structs.names_of(parts)))

    def _open(self, type_id: int, *, short: bool) -> Codec | None:
        """The codec of a type that goes on to the end of the data; None for one that does not."""
        name, type_id = self._walk(type_id)
        found = self._btf.type(type_id)
        if isinstance(found, Array):
            return self._open_array(found) if short or not found.count else None
        if not isinstance(found, Struct) or found.is_union or not found.members or is_special(name):
            return None
        last = found.members[-1]
        with self._within(type_id):
            tail = self._open(last.type_id, short=short)
        parts = self._members(found, 0)
        if tail is None or not last.name or self._hides(last):
            return None
        begin = last.bit_offset // 8
        parts[-1] = structs.Field(last.name, begin, tail)
        return self._structure(name or "struct", begin + tail.size, parts)

    def _open_array(self, found: Array) -> Codec | None:
        step, limit = self._btf.size(found.type_id), found.count or None
        if not step:
            return None

        def decode(data: bytes, offset: int) -> Any:
            count = (len(data) - offset) // step
            counted = replace(found, count=count if limit is None else min(count, limit))
            return self._array(counted).decode(data, offset)

        return Codec(f"{self._btf.name(found.type_id)}[]", 0, decode, self._array(found).encode)

    def _binding(self, name: str, names: list[str]) -> type | None:
        cls = self._bindings.get(name)
        if cls is None or not is_dataclass(cls):
            return None
        if missing := set(names).symmetric_difference(each.name for each in fields(cls)):
            raise ValueConversionError(
                f"{cls.__name__} and {name} differ in {', '.join(sorted(missing))}",
                where=f"{cls.__module__}.{cls.__name__}",
                hint="make the bindings again (ebpf-build)",
            )
        return cls

    def _members(self, found: Struct, base: int) -> list[structs.Field | structs.Choice]:
        """The parts of a struct or union at byte *base*, those of unnamed structs in their place."""
        members = [part for member in found.members if (part := self._member(member, base))]
        if not found.is_union:
            return [part for parts in members for part in parts]
        return [structs.Choice(base + found.size, tuple(map(tuple, members)))]

    def _member(self, member: Member, base: int) -> list[structs.Field | structs.Choice]:
        """What a member of a struct at byte *base* contributes: nothing, itself, or its own members."""
        if self._hides(member):
            return []
        type_id = self._btf.strip(member.type_id)
        inner = self._btf.type(type_id)
        if not member.name and isinstance(inner, Struct):
            with self._within(type_id):
                return self._members(inner, base + member.bit_offset // 8)
        return [self._field(member, inner, base)] if member.name else []

    def _hides(self, member: Member) -> bool:
        return is_hidden(self._btf, self._btf.type(self._btf.strip(member.type_id)))

    def _field(self, member: Member, inner: Type, base: int) -> structs.Field:
        bits = member.bit_size or _narrow(inner)
        if not bits:
            return structs.Field(member.name, base + member.bit_offset // 8, self.codec(member.type_id))
        signed = False
        wrap: Callable[[int], Any] = _same
        unwrap: Callable[[Any], Any] = _same
        if isinstance(inner, Enum):
            _, signed = _constants(inner)
            _, wrap, unwrap = self._enumeration(inner, self._walk(member.type_id)[0])
        elif isinstance(inner, Int):
            signed = inner.signed
            wrap = bool if inner.boolean else _same
        name = f"{'s' if signed else 'u'}:{bits}"
        offset, shifted = structs.bit_field(
            name,
            base * 8 + member.bit_offset,
            bits,
            signed=signed,
            order=self._order,
            wrap=wrap,
            unwrap=unwrap,
        )
        return structs.Field(member.name, offset, shifted)


def _damaged(what: str) -> ValueConversionError:
    return ValueConversionError(what, hint="the object is damaged: build it again")


def _constants(found: Enum) -> tuple[dict[str, int], bool]:
    """The constants of an enum by name, and whether it is signed.

    clang calls one that is held by a typedef unsigned (``enum e : __s8``). Where negative constants then do
    not fit its size, which are written with 32 bits, that shows.
    """
    signed = found.signed or any(number >> 8 * found.size for _, number in found.values)
    wrap = signed and not found.signed
    numbers = {name: number - (1 << 32) if wrap and number >> 31 else number for name, number in found.values}
    return numbers, signed


def _narrow(found: Type) -> int:
    """The bits of an integer that is a bit field by itself, of a struct without ``kind_flag``; else 0."""
    return found.bits if isinstance(found, Int) and found.bits < 8 * found.size else 0


def _same(value: Any) -> Any:
    return value


def _integer(found: Int, order: Order) -> Codec:
    if found.boolean and found.size == 1:
        return codec.boolean()
    return codec.integer(found.size, signed=found.signed, order=order)
