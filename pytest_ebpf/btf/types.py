"""The kinds of types that BTF knows, one frozen class each.

Every reference to another type is an id in the same BTF; 0 is ``void``. Source: Documentation/bpf/btf.rst
and ``include/uapi/linux/btf.h``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Void:
    """The type with id 0."""


@dataclass(frozen=True, slots=True)
class Int:
    """An integer of *size* bytes, *bits* of them used (fewer only in old encodings of bit fields)."""

    name: str
    size: int
    bits: int
    signed: bool
    char: bool
    boolean: bool


@dataclass(frozen=True, slots=True)
class Ptr:
    """A pointer to *type_id*."""

    type_id: int


@dataclass(frozen=True, slots=True)
class Array:
    """*count* elements of *type_id*; 0 for a flexible array."""

    type_id: int
    index_type_id: int
    count: int


@dataclass(frozen=True, slots=True)
class Member:
    """A member at *bit_offset* of its struct; *bit_size* is 0 unless it is a bit field."""

    name: str
    type_id: int
    bit_offset: int
    bit_size: int


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct or union of *size* bytes; *name* is empty for an anonymous one."""

    name: str
    size: int
    is_union: bool
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Enum:
    """An enumeration of *size* bytes; one without *values* is a forward declaration."""

    name: str
    size: int
    signed: bool
    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Fwd:
    """A struct or union that is only declared."""

    name: str
    is_union: bool


@dataclass(frozen=True, slots=True)
class Typedef:
    """Another *name* for *type_id*."""

    name: str
    type_id: int


@dataclass(frozen=True, slots=True)
class Modifier:
    """A qualifier of *type_id*; *tag* is the text of a ``type_tag``."""

    qualifier: Literal["const", "volatile", "restrict", "type_tag"]
    type_id: int
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Func:
    """A function whose prototype is *type_id*; *linkage* is ``static``, ``global`` or ``extern``."""

    name: str
    type_id: int
    linkage: str


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter; without name and type, in last place, it is ``...``."""

    name: str
    type_id: int


@dataclass(frozen=True, slots=True)
class FuncProto:
    """A function type that returns *type_id*."""

    type_id: int
    params: tuple[Param, ...]


@dataclass(frozen=True, slots=True)
class Var:
    """A global variable; *linkage* as for :class:`Func`."""

    name: str
    type_id: int
    linkage: str


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the variable *type_id* (a :class:`Var`) lies in its section: *offset* and *size* in bytes."""

    type_id: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class DataSec:
    """A section of global variables. Compilers may leave *size* and offsets 0 for the loader to fill in."""

    name: str
    size: int
    variables: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Float:
    """A floating point type of *size* bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class DeclTag:
    """A tag on *type_id*, or on its member or parameter number *component* if that is not -1."""

    name: str
    type_id: int
    component: int


Type = (
    Void
    | Int
    | Ptr
    | Array
    | Struct
    | Enum
    | Fwd
    | Typedef
    | Modifier
    | Func
    | FuncProto
    | Var
    | DataSec
    | Float
    | DeclTag
)

TypeClass = type[Type]

#: Longest chain of typedefs, qualifiers, pointers and arrays that is followed; the kernel allows 32.
DEPTH: Final = 64

#: ``BTF_KIND_*`` by class, where a lookup by name makes sense.
KIND_NUMBERS: Final[dict[TypeClass, frozenset[int]]] = {
    Int: frozenset({1}),
    Struct: frozenset({4, 5}),
    Enum: frozenset({6, 19}),
    Fwd: frozenset({7}),
    Typedef: frozenset({8}),
    Func: frozenset({12}),
    Var: frozenset({14}),
    DataSec: frozenset({15}),
    Float: frozenset({16}),
    DeclTag: frozenset({17}),
}
