"""Read BTF: one quick pass finds where each type begins, the rest is decoded when asked for."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from pytest_ebpf.btf.decode import EXTRA_WORDS, decode, kind
from pytest_ebpf.btf.names import essential
from pytest_ebpf.btf.spelling import spell
from pytest_ebpf.btf.types import (
    DEPTH,
    KIND_NUMBERS,
    Array,
    DataSec,
    DeclTag,
    Enum,
    Float,
    Int,
    Modifier,
    Ptr,
    Struct,
    Type,
    TypeClass,
    Typedef,
    Var,
    Void,
)
from pytest_ebpf.errors import BtfError

MAGIC = 0xEB9F

_HEADER = struct.Struct("HBBIIIII")
_VOID = Void()
#: By kind: words of a type without its entries, words for each entry; 0 and 0: no such kind.
_FIXED = bytes(3 + extra[0] if extra else 0 for extra in EXTRA_WORDS).ljust(32, b"\0")
_EACH = bytes(extra[1] if extra else 0 for extra in EXTRA_WORDS).ljust(32, b"\0")


def byte_order(data: bytes | memoryview, what: str) -> str:
    """``<`` or ``>``, by the magic number that begins *data*."""
    for order in "<>":
        if data[:2] == struct.pack(order + "H", MAGIC):
            return order
    seen = data[:2].hex(" ") or "nothing"
    raise BtfError(f"no BTF data (begins with {seen}, not 9f eb)", where=what, hint="compile with -g")


def spans(data: bytes | memoryview) -> tuple[str, slice, slice]:
    """The byte order of raw BTF (``<`` or ``>``), where its types lie and where its strings."""
    order = byte_order(data, "BTF")
    if len(data) < _HEADER.size:
        raise BtfError(f"header cut short ({len(data)} bytes)", where="BTF", hint="build the object again")
    fields = struct.unpack_from(order + _HEADER.format, data)
    _, version, _, header, type_offset, type_size, string_offset, string_size = fields
    if version != 1:
        raise BtfError(f"unknown version ({version})", where="BTF", hint="only version 1 is known")
    types, strings = header + type_offset, header + string_offset
    if max(types + type_size, strings + string_size) > len(data) or type_size % 4:
        raise BtfError(f"cut short ({len(data)} bytes)", where="BTF", hint="build the object again")
    return order, slice(types, types + type_size), slice(strings, strings + string_size)


#: 32-bit numbers: read into memory, or seen in a file that is mapped there.
Words = Sequence[int]


def starts_of(words: Words) -> array[int]:
    """The position in *words* of every type, with the end of the last one behind them; 0 stands for void."""
    starts = array("I", [0])
    append, position, end = starts.append, 0, len(words)
    try:
        while position < end:
            append(position)
            info = words[position + 1]
            number = (info >> 24) & 31
            fixed = _FIXED[number]
            if not fixed:
                raise BtfError(f"type {len(starts) - 1} is of unknown kind {number}", where="BTF")
            position += fixed + _EACH[number] * (info & 0xFFFF)
    except IndexError:
        position = end + 1
    if position != end:
        raise BtfError(f"type {len(starts) - 1} is cut short", where="BTF", hint="build the object again")
    append(end)
    return starts


class Btf:
    """The types of an object or a kernel, by id from 1 to ``len() - 1``; 0 is ``void``."""

    def __init__(
        self,
        words: Words,
        strings: bytes,
        *,
        little_endian: bool,
        starts: Words | None = None,
    ) -> None:
        """*starts*, where it is known already, is what :func:`starts_of` finds in *words*."""
        self._words = words
        self._strings = strings
        self._starts = starts_of(words) if starts is None else starts
        self._decoded: dict[int, Type] = {0: _VOID}
        self.little_endian = little_endian

    @classmethod
    def parse(cls, data: bytes) -> Btf:
        """Index raw BTF (a ``.BTF`` section, ``/sys/kernel/btf/vmlinux``); :class:`BtfError` if malformed.

        Whatever a single type says is checked when that type is asked for.
        """
        order, types, strings = spans(data)
        text = data[strings]
        if text[:1] != b"\0" or text[-1:] != b"\0":
            raise BtfError(
                "string table not closed by zero bytes", where="BTF", hint="build the object again"
            )
        words = array("I", data[types])
        if (order == "<") != (sys.byteorder == "little"):
            words.byteswap()
        return cls(words, text, little_endian=order == "<")

    def __len__(self) -> int:
        return len(self._starts) - 1

    @property
    def strings_size(self) -> int:
        """Bytes of the string table."""
        return len(self._strings)

    def string(self, offset: int) -> str:
        """The string at *offset* of the string table."""
        if offset >= len(self._strings):
            raise BtfError(f"string {offset} is past the end ({len(self._strings)})", where="BTF")
        return self._strings[offset : self._strings.index(0, offset)].decode("utf-8", "replace")

    def type(self, type_id: int) -> Type:
        """The type with this id; :class:`BtfError` if there is none."""
        found = self._decoded.get(type_id)
        if found is None:
            if not 0 < type_id < len(self):
                raise BtfError(f"no type {type_id} ({len(self)} types)", where="BTF")
            found = decode(self._words[self._starts[type_id] : self._starts[type_id + 1]], self.string)
            self._decoded[type_id] = found
        return found

    def kind(self, type_id: int) -> int:
        """The ``BTF_KIND_*`` number of a type that exists, without decoding it."""
        return kind(self._words[self._starts[type_id] + 1]) if type_id else 0

    def is_named(self, type_id: int) -> bool:
        """Whether a type that exists has a name, without decoding it."""
        return bool(type_id and self._words[self._starts[type_id]])

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        """Ids by name, in order."""
        by_offset: dict[int, list[int]] = {}
        words, starts = self._words, self._starts
        for type_id in range(1, len(self)):
            offset = words[starts[type_id]]
            if offset:
                by_offset.setdefault(offset, []).append(type_id)
        by_name: dict[str, list[int]] = {}
        for offset, ids in by_offset.items():
            by_name.setdefault(self.string(offset), []).extend(ids)
        return by_name

    @cached_property
    def _by_essential_name(self) -> dict[str, list[str]]:
        """The names that have a flavour, by what is before it."""
        found: dict[str, list[str]] = {}
        for name in self._by_name:
            if "___" in name and (plain := essential(name)) != name:
                found.setdefault(plain, []).append(name)
        return found

    def _named(self, name: str) -> list[int]:
        return sorted(self._by_name.get(name, ()))

    def _flavoured(self, name: str) -> list[int]:
        names = [name] if essential(name) == name else []
        names += self._by_essential_name.get(name, ())
        return sorted(type_id for each in names for type_id in self._by_name.get(each, ()))

    def ids(self, name: str, *kinds: TypeClass) -> list[int]:
        """Every type called *name*, of one of the classes *kinds* if any are given, by rising id."""
        return self._only(self._named(name), kinds)

    def flavours(self, name: str, *kinds: TypeClass) -> list[int]:
        """Every type called *name* or ``NAME___FLAVOUR``, of one of the classes *kinds*, by rising id."""
        return self._only(self._flavoured(name), kinds)

    def _only(self, found: list[int], kinds: tuple[TypeClass, ...]) -> list[int]:
        if not kinds:
            return found
        numbers = frozenset().union(*(KIND_NUMBERS[each] for each in kinds))
        return [type_id for type_id in found if self.kind(type_id) in numbers]

    def ids_of(self, *kinds: TypeClass) -> Iterator[int]:
        """Every type of one of the classes *kinds*, by rising id."""
        numbers = frozenset().union(*(KIND_NUMBERS[each] for each in kinds))
        words, starts = self._words, self._starts
        for type_id in range(1, len(self)):
            if (words[starts[type_id] + 1] >> 24) & 31 in numbers:
                yield type_id

    @cached_property
    def enums_by_constant(self) -> Mapping[str, int]:
        """By the name of an enum constant, the first enum that has it. Built once: many headers ask."""
        owners: dict[str, int] = {}
        for type_id in self.ids_of(Enum):
            found = self.type(type_id)
            assert isinstance(found, Enum)
            for name, _ in found.values:
                owners.setdefault(name, type_id)
        return owners

    def find(self, name: str, *kinds: TypeClass) -> int | None:
        """The first type called *name*, of one of the classes *kinds* if any are given."""
        return next(iter(self.ids(name, *kinds)), None)

    def strip(self, type_id: int) -> int:
        """The id behind typedefs, qualifiers and tags."""
        for _ in range(DEPTH):
            found = self.type(type_id)
            if not isinstance(found, Typedef | Modifier | DeclTag):
                return type_id
            type_id = found.type_id
        raise BtfError(f"type {type_id} has no end", where="BTF", hint="build the object again")

    def size(self, type_id: int) -> int:
        """Size in bytes; :class:`BtfError` for what has none (``void``, a function, a bare declaration)."""
        factor = 1
        first = type_id
        for _ in range(DEPTH):
            found = self.type(type_id)
            match found:
                case Int() | Struct() | Enum() | Float() | DataSec():
                    return factor * found.size
                case Ptr():
                    return factor * 8  # BPF's, and that of every kernel with BTF that is of interest here
                case Array():
                    factor *= found.count
                    type_id = found.type_id
                case Typedef() | Modifier() | Var() | DeclTag():
                    type_id = found.type_id
                case _:
                    raise BtfError(f"{self.name(first)} has no size", where="BTF")
        raise BtfError(f"type {first} has no end", where="BTF", hint="build the object again")

    def name(self, type_id: int) -> str:
        """How C spells the type: ``struct rule *[4]``."""
        return spell(self, type_id)
