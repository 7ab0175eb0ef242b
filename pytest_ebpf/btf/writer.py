"""Write kernel types in C, each after what it needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_ebpf.btf.layout import Layouts, padding
from pytest_ebpf.btf.naming import Names, essential
from pytest_ebpf.btf.reader import Btf
from pytest_ebpf.btf.spelling import declare, keyword
from pytest_ebpf.btf.types import (
    DEPTH,
    Array,
    DeclTag,
    Enum,
    Float,
    FuncProto,
    Fwd,
    Int,
    Member,
    Modifier,
    Ptr,
    Struct,
    Typedef,
)
from pytest_ebpf.errors import BtfError

#: What an enum needs to take another size than ``int``'s, by that size in bytes.
_ENUM_MODE: Final = {1: "byte", 2: "HI", 8: "DI"}

#: Longest chain of types that wait for each other; a kernel's own is about fifty.
_WAITING: Final = 200


class Writer:
    """Definitions in an order that C accepts, by their *names*.

    *followed* are the members whose pointers lead to a further definition.
    """

    def __init__(self, btf: Btf, names: Names, followed: frozenset[str] = frozenset()) -> None:
        self._btf = btf
        self._names = names
        self._layouts = Layouts(btf)
        self._followed = followed
        self._met: set[tuple[int, bool]] = set()
        self._open: set[tuple[int, bool]] = set()
        self._written: set[int] = set()
        self._declared: set[str] = set()
        self._chunks: list[str] = []
        self._queue: list[int] = []

    def text(self) -> str:
        """All that was written."""
        return "".join(f"{chunk};\n\n" for chunk in self._chunks)

    def meant(self, identifier: str) -> list[int]:
        """Types that a source means by *identifier*."""
        names = {identifier, essential(identifier)}
        ids = [each for name in names for each in self._btf.ids(name, Struct, Enum, Typedef)]
        return [each for each in ids if self._names.is_plain(each, identifier)]

    def holding(self, identifier: str) -> list[int]:
        """The enum that has the constant *identifier*."""
        owner = self._names.owners.get(essential(identifier))
        return [] if owner is None else [owner]

    def define(self, type_ids: Iterable[int]) -> None:
        """Write named types, and then what their followed pointers lead to."""
        self._queue.extend(type_ids)
        for type_id in self._queue:
            self._need(type_id, whole=True)
        self._queue.clear()

    def define_constants(self, enum_ids: Iterable[int]) -> None:
        """Write enums; anonymous ones only if they were not part of something already written."""
        for type_id in enum_ids:
            found = self._btf.type(type_id)
            assert isinstance(found, Enum)
            if found.name:
                self._need(type_id, whole=True)
            elif type_id not in self._written:
                self._chunks.append(self._enum(type_id, found, 0))

    # Order

    def _need(self, type_id: int, *, whole: bool) -> None:
        """Write what must stand before a mention of the type; *whole*: its size must be known."""
        step = (type_id, whole)
        if step in self._met:
            return
        if step in self._open or len(self._open) > _WAITING:
            raise BtfError(f"{self._btf.name(type_id)} (type {type_id}) contains itself", where="BTF")
        self._open.add(step)
        self._prepare(type_id, whole=whole)
        self._open.remove(step)
        self._met.add(step)

    def _prepare(self, type_id: int, *, whole: bool) -> None:
        match found := self._btf.type(type_id):
            case Ptr():
                self._need(found.type_id, whole=False)
            case Modifier():
                self._need(found.type_id, whole=whole)
            case Array():
                self._need(found.type_id, whole=True)  # even behind a pointer
            case FuncProto():
                for each in (found.type_id, *(param.type_id for param in found.params)):
                    self._need(each, whole=False)
            case Typedef():
                self._typedef(type_id, found, whole=whole)
            case Struct() if whole or not found.name:
                self._define_struct(type_id, found)
            case Struct() | Fwd():
                self._declare(type_id, found)
            case Enum() if found.name:
                self._define_enum(type_id, found)

    def _declare(self, type_id: int, found: Struct | Fwd | Enum) -> None:
        text = f"{keyword(found)} {self._names.tag(type_id, found)}"
        if text not in self._declared:
            self._declared.add(text)
            self._chunks.append(text)

    def _typedef(self, type_id: int, found: Typedef, *, whole: bool) -> None:
        self._need(found.type_id, whole=False)
        if type_id not in self._written:
            self._written.add(type_id)
            name = self._names.typedef(type_id, found)
            self._chunks.append(f"typedef {self._declaration(found.type_id, name, 0)}")
        if whole:
            self._need(found.type_id, whole=True)

    def _define_enum(self, type_id: int, found: Enum) -> None:
        if not found.values:
            self._declare(type_id, found)
        elif type_id not in self._written:
            self._chunks.append(self._enum(type_id, found, 0))

    def _define_struct(self, type_id: int, found: Struct) -> None:
        """Write a struct; of an anonymous one only what it needs, for it is written where it is used."""
        for member in found.members:
            self._need(member.type_id, whole=True)
        if found.name:
            self._declared.add(f"{keyword(found)} {self._names.tag(type_id, found)}")
            self._chunks.append(self._struct(type_id, found, 0))
        for member in found.members:
            if member.name in self._followed:
                self._follow(member.type_id)

    def _follow(self, type_id: int) -> None:
        """Queue the struct that a member points to."""
        for _ in range(DEPTH):
            found = self._btf.type(type_id)
            if isinstance(found, Fwd):
                self._queue.extend(self._btf.ids(found.name, Struct)[:1])
            elif isinstance(found, Struct):
                self._queue.append(type_id)
            elif isinstance(found, Ptr | Array | Modifier | Typedef | DeclTag):
                type_id = found.type_id
                continue
            return

    # Text

    def _declaration(self, type_id: int, name: str, depth: int) -> str:
        return declare(self._btf, type_id, name, lambda each: self._base(each, depth))

    def _base(self, type_id: int, depth: int) -> str:
        """What a declaration begins with; anonymous structs and enums stand there in full."""
        match found := self._btf.type(type_id):
            case Struct() if not found.name:
                return self._struct(type_id, found, depth)
            case Enum() if not found.name:
                return self._enum(type_id, found, depth)
            case Struct() | Enum() | Fwd():
                return f"{keyword(found)} {self._names.tag(type_id, found)}"
            case Typedef():
                return self._names.typedef(type_id, found)
            case Int() | Float():
                return found.name
            case _:
                return "void"

    def _struct(self, type_id: int, found: Struct, depth: int, *, tag: bool = True) -> str:
        plan = self._layouts.plan(type_id, found)
        lines = []
        position = 0
        for member, gap in zip(found.members, plan.gaps, strict=True):
            lines += padding(position, gap)
            lines.append(f"{self._member(member, depth + 1)};")
            position = member.bit_offset + (member.bit_size or 8 * self._btf.size(member.type_id))
        if plan.tail:
            lines += [f"char __padding[{found.size}];"] if found.is_union else padding(position, plan.tail)
        name = f" {self._names.tag(type_id, found)}" if tag and found.name else ""
        indent = "\t" * depth
        inner = "".join(f"{indent}\t{line}\n" for line in lines)
        packed = " __attribute__((packed))" if plan.packed else ""
        return f"{keyword(found)}{name} {{\n{inner}{indent}}}{packed}"

    def _member(self, member: Member, depth: int) -> str:
        if not member.name:
            # From 6.19 on the kernel is built with -fms-extensions: a struct with a tag as anonymous member.
            # Plain C takes its members only without the tag.
            type_id = self._btf.strip(member.type_id)
            found = self._btf.type(type_id)
            if isinstance(found, Struct):
                return self._struct(type_id, found, depth, tag=False)
        text = self._declaration(member.type_id, member.name, depth)
        return f"{text} : {member.bit_size}" if member.bit_size else text

    def _enum(self, type_id: int, found: Enum, depth: int) -> str:
        self._written.add(type_id)
        indent = "\t" * depth
        inner = "".join(
            f"{indent}\t{self._names.constant(name, type_id)} = {_number(value)},\n"
            for name, value in found.values
        )
        name = f" {self._names.tag(type_id, found)}" if found.name else ""
        mode = f" __attribute__((mode({_ENUM_MODE[found.size]})))" if found.size in _ENUM_MODE else ""
        return f"enum{name} {{\n{inner}{indent}}}{mode}"


def _number(value: int) -> str:
    """A constant in C, whatever its size."""
    if value > 0x7FFFFFFFFFFFFFFF:
        return f"{value}ULL"
    if value == -0x8000000000000000:
        return "-0x7fffffffffffffffLL - 1"
    return f"{value}LL" if abs(value) > 0xFFFFFFFF else str(value)
