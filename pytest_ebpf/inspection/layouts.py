"""A type as the bytes it takes, so that two of the same name can be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_ebpf.btf import Array, Btf, Enum, Struct
from pytest_ebpf.btf.types import DEPTH

#: Members that are looked at; no key or value that a kernel takes has as many.
_MOST: Final = 4096


def layout(btf: Btf, type_id: int) -> dict[str, str]:
    """The members of a struct or union, those within it too, and the constants of an enum.

    By path (``.rule.hits``, ``.ports[]``) the type and its place: ``__u64 at byte 8``. Empty for a type that
    its name says all about.
    """
    found: dict[str, str] = {}
    for path, what in _members(btf, type_id, "", 0, 0):
        found[path] = what
        if len(found) >= _MOST:
            break
    return found


def _members(btf: Btf, type_id: int, path: str, bit: int, depth: int) -> Iterator[tuple[str, str]]:
    found = btf.type(btf.strip(type_id))
    if depth > DEPTH:
        return
    if isinstance(found, Array):
        yield from _members(btf, found.type_id, f"{path}[]", bit, depth + 1)
    elif isinstance(found, Enum):
        yield from ((f"{path} {name}", str(value)) for name, value in found.values)
    elif isinstance(found, Struct):
        for member in found.members:
            place = bit + member.bit_offset
            inside = f"{path}.{member.name}" if member.name else path
            if member.name:
                yield inside, f"{btf.name(member.type_id)} at {_place(place, member.bit_size)}"
            yield from _members(btf, member.type_id, inside, place, depth + 1)


def _place(bit: int, size: int | None) -> str:
    if not size:
        return f"byte {bit // 8}"
    return f"bit {bit}, {size} bits" if size != 1 else f"bit {bit}"
