"""Where C puts members, and what it takes to put them where BTF says.

BTF knows offsets but neither ``packed`` nor ``aligned``. A struct is laid out here as clang would for the BPF
target (System V rules); where that differs, padding goes in front of a member, and where padding cannot
help, the struct is packed.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_ebpf.btf.reader import Btf
from pytest_ebpf.btf.types import Array, DeclTag, Enum, Float, Int, Member, Modifier, Ptr, Struct, Typedef
from pytest_ebpf.errors import BtfError

#: Deepest nesting of structs within structs; the kernel's own is about ten.
_NESTING = 64

_PADDING = ((64, "long"), (32, "int"), (16, "short"), (8, "char"))


@dataclass(frozen=True, slots=True)
class Plan:
    """How to write a struct: *gaps* are the bits of padding before each member, *tail* those at the end.

    *align* is in bytes.
    """

    packed: bool
    align: int
    gaps: tuple[int, ...]
    tail: int


def padding(position: int, bits: int) -> list[str]:
    """Unnamed bit fields that fill *bits* from bit *position* on; they do not raise the alignment."""
    lines = []
    end = position + bits
    while position < end:
        fitting = (each for each in _PADDING if position % each[0] == 0 and position + each[0] <= end)
        width, name = next(fitting, (min(8 - position % 8, end - position), "char"))
        lines.append(f"{name} : {width};")
        position += width
    return lines


def _up(position: int, step: int) -> int:
    return -(-position // step) * step


class Layouts:
    """Plans for the structs of *btf*, each made once."""

    def __init__(self, btf: Btf) -> None:
        self._btf = btf
        self._plans: dict[int, Plan] = {}
        self._open: set[int] = set()

    def plan(self, type_id: int, found: Struct) -> Plan:
        """How to write a struct or union; :class:`BtfError` if nothing in C has that layout."""
        done = self._plans.get(type_id)
        if done is None:
            if type_id in self._open or len(self._open) > _NESTING:
                raise BtfError(f"struct {found.name} (type {type_id}) contains itself", where="BTF")
            self._open.add(type_id)
            done = self._place(found, packed=False) or self._place(found, packed=True)
            self._open.remove(type_id)
            if done is None:
                raise BtfError(f"struct {found.name} (type {type_id}): members overlap", where="BTF")
            self._plans[type_id] = done
        return done

    def align(self, type_id: int) -> int:
        """Alignment in bytes of a type as it will be written."""
        type_id = self._btf.strip(type_id)
        found = self._btf.type(type_id)
        while isinstance(found, Array | Typedef | Modifier | DeclTag):
            type_id = self._btf.strip(found.type_id)
            found = self._btf.type(type_id)
        match found:
            case Struct():
                return self.plan(type_id, found).align
            case Int() | Enum() | Float():
                return max(found.size, 1)
            case Ptr():
                return 8
            case _:
                raise BtfError(f"{self._btf.name(type_id)} has no size", where="BTF")

    def _place(self, found: Struct, *, packed: bool) -> Plan | None:
        """The plan with or without packing; None where the members do not fit."""
        struct_align, position, end = 1, 0, 0
        gaps = []
        for member in found.members:
            align = 1 if packed else self.align(member.type_id)
            struct_align = max(struct_align, align)
            size = self._btf.size(member.type_id) * 8
            position = 0 if found.is_union else position
            gap = _gap(member, position, size, align * 8, packed=packed)
            if gap is None:
                return None
            gaps.append(gap)
            position = member.bit_offset + (member.bit_size or size)
            end = max(end, position)
        natural, whole = _up(end, struct_align * 8), found.size * 8
        if natural > whole or whole % (struct_align * 8):
            return None
        return Plan(packed, struct_align, tuple(gaps), whole - end if natural < whole else 0)


def _natural(member: Member, position: int, size: int, align: int, *, packed: bool) -> int:
    """Where C puts *member* after *position*; all in bits. A bit field does not cross its type's unit."""
    if not member.bit_size:
        return _up(position, align)
    if packed or position % align + member.bit_size <= size:
        return position
    return _up(position, align)


def _gap(member: Member, position: int, size: int, align: int, *, packed: bool) -> int | None:
    """Bits of padding that bring *member* to its offset; None if nothing does."""
    offset = member.bit_offset
    if _natural(member, position, size, align, packed=packed) == offset:
        return 0
    if offset < position or _natural(member, offset, size, align, packed=packed) != offset:
        return None
    return offset - position
