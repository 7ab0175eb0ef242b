"""Read ``.BTF.ext``: which source line an instruction comes from, which relocations CO-RE asks for.

Source: ``struct btf_ext_header`` and what follows it in Documentation/bpf/btf.rst, section 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.btf.reader import Btf, byte_order
from pytest_ebpf.btf.spelling import keyword
from pytest_ebpf.btf.types import Array, Enum, Struct
from pytest_ebpf.errors import BtfError

#: ``enum bpf_core_relo_kind`` by number, in libbpf's words.
CORE_KINDS: Final = (
    "byte_off",
    "byte_sz",
    "field_exists",
    "signed",
    "lshift_u64",
    "rshift_u64",
    "local_type_id",
    "target_type_id",
    "type_exists",
    "type_size",
    "enumval_exists",
    "enumval_value",
    "type_matches",
)


@dataclass(frozen=True, slots=True)
class FuncInfo:
    """A function of type *type_id* begins at byte *offset* of ELF section *section*."""

    section: str
    offset: int
    type_id: int


@dataclass(frozen=True, slots=True)
class LineInfo:
    """From byte *offset* of ELF section *section* on, instructions come from this line of *file*."""

    section: str
    offset: int
    file: str
    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class CoreRelo:
    """A CO-RE relocation of the instruction at byte *offset* of ELF section *section*.

    *path* is the access as the compiler wrote it: ``0:1:2``, indices of elements and members.
    """

    section: str
    offset: int
    type_id: int
    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class BtfExt:
    """All records, in the file's order."""

    functions: tuple[FuncInfo, ...]
    lines: tuple[LineInfo, ...]
    relocations: tuple[CoreRelo, ...]

    @classmethod
    def parse(cls, data: bytes, btf: Btf) -> BtfExt:
        """Read *data*, whose strings are *btf*'s; :class:`BtfError` if malformed."""
        order = byte_order(data, "BTF.ext")
        if len(data) < 24:
            raise _short(len(data))
        # magic, version, flags, header length, then offset and length of each of the tables
        _, version, _, header, *tables = struct.unpack_from(order + "HBBI4I", data)
        if version != 1:
            raise BtfError(f"unknown version ({version})", where="BTF.ext", hint="only version 1 is known")
        if header >= 32 and len(data) >= 32:
            tables += struct.unpack_from(order + "2I", data, 24)
        spans = [
            (header + start, header + start + size)
            for start, size in zip(tables[::2], tables[1::2], strict=True)
        ]
        functions = tuple(
            FuncInfo(section, offset, type_id)
            for section, (offset, type_id) in _records(data, spans[0], order + "2I", btf)
        )
        lines = tuple(
            LineInfo(section, offset, btf.string(file), position >> 10, position & 0x3FF, btf.string(text))
            for section, (offset, file, text, position) in _records(data, spans[1], order + "4I", btf)
        )
        relocations = tuple(
            CoreRelo(section, offset, type_id, btf.string(path), _kind(kind))
            for section, (offset, type_id, path, kind) in _records(
                data, spans[2] if len(spans) > 2 else (0, 0), order + "4I", btf
            )
        )
        return cls(functions, lines, relocations)


def _short(size: int) -> BtfError:
    return BtfError(f"cut short ({size} bytes)", where="BTF.ext", hint="build the object again")


def _kind(number: int) -> str:
    return CORE_KINDS[number] if number < len(CORE_KINDS) else f"kind {number}"


def _records(
    data: bytes, span: tuple[int, int], layout: str, btf: Btf
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield (section, fields) of one table: a record size, then for each section a header and records."""
    position, end = span
    if position == end:
        return
    order = layout[0]
    if end > len(data) or position + 4 > end:
        raise _short(len(data))
    (size,) = struct.unpack_from(order + "I", data, position)
    if size < struct.calcsize(layout):
        raise BtfError(f"records of {size} bytes, too few", where="BTF.ext", hint="build the object again")
    position += 4
    while position < end:
        if position + 8 > end:
            raise _short(len(data))
        name, count = struct.unpack_from(order + "2I", data, position)
        position += 8
        if position + count * size > end:
            raise _short(len(data))
        section = btf.string(name)
        for _ in range(count):
            yield section, struct.unpack_from(layout, data, position)
            position += size


def access(btf: Btf, relo: CoreRelo) -> str:
    """What a relocation is about, by name: ``struct task_struct::mm``, ``enum state::BUSY``.

    A relocation about a type as a whole gives just the type. Anonymous members are passed through, as
    they are in the source.
    """
    type_id = btf.strip(relo.type_id)
    found = btf.type(type_id)
    start = btf.name(relo.type_id)
    if isinstance(found, Struct | Enum) and found.name:
        start = f"{keyword(found)} {found.name}"
    if relo.kind.startswith(("type", "local_type", "target_type")):
        return start
    try:
        indices = [int(each) for each in relo.path.split(":")]
    except ValueError as error:
        raise BtfError(f"access {relo.path!r} is no path of indices", where="BTF.ext") from error
    if isinstance(found, Enum):
        if not 0 <= indices[0] < len(found.values):
            raise _astray(start, relo)
        return f"{start}::{found.values[indices[0]][0]}"
    return start + _walk(btf, type_id, indices, start, relo)


def _walk(btf: Btf, type_id: int, indices: list[int], start: str, relo: CoreRelo) -> str:
    """The members and elements that *indices* lead through, the first being an element of a pointer."""
    text = f"[{indices[0]}]" if indices[0] else ""
    separator = "::"
    for index in indices[1:]:
        type_id = btf.strip(type_id)
        found = btf.type(type_id)
        if isinstance(found, Array) and index >= 0:
            text += f"[{index}]"
            type_id = found.type_id
        elif isinstance(found, Struct) and 0 <= index < len(found.members):
            member = found.members[index]
            type_id = member.type_id
            if member.name:
                text += separator + member.name
                separator = "."
        else:
            raise _astray(start, relo)
    return text


def _astray(start: str, relo: CoreRelo) -> BtfError:
    return BtfError(
        f"access {relo.path!r} leads out of {start}", where="BTF.ext", hint="build the object again"
    )
