"""One BTF type from its words: a function for each kind. Pure; called by :class:`~pytest_ebpf.btf.Btf`.

A type is three words (name, info, size or type) and, by kind, more. Source: ``struct btf_type`` and what
follows it in ``include/uapi/linux/btf.h``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

from pytest_ebpf.btf.types import (
    Array,
    DataSec,
    DeclTag,
    Enum,
    Float,
    Func,
    FuncProto,
    Fwd,
    Int,
    Member,
    Modifier,
    Param,
    Ptr,
    Slot,
    Struct,
    Type,
    Typedef,
    Var,
)

Words = Sequence[int]
Name = Callable[[int], str]

#: By kind: words beyond the first three, and words for each of the ``vlen`` entries. None: no such kind.
EXTRA_WORDS: Final[tuple[tuple[int, int] | None, ...]] = (
    None,
    (1, 0),  # INT
    (0, 0),  # PTR
    (3, 0),  # ARRAY
    (0, 3),  # STRUCT
    (0, 3),  # UNION
    (0, 2),  # ENUM
    (0, 0),  # FWD
    (0, 0),  # TYPEDEF
    (0, 0),  # VOLATILE
    (0, 0),  # CONST
    (0, 0),  # RESTRICT
    (0, 0),  # FUNC
    (0, 2),  # FUNC_PROTO
    (1, 0),  # VAR
    (0, 3),  # DATASEC
    (0, 0),  # FLOAT
    (1, 0),  # DECL_TAG
    (0, 0),  # TYPE_TAG
    (0, 3),  # ENUM64
)

_LINKAGE = ("static", "global", "extern")
_QUALIFIER: Final[dict[int, Literal["const", "volatile", "restrict", "type_tag"]]] = {
    9: "volatile",
    10: "const",
    11: "restrict",
    18: "type_tag",
}


def kind(info: int) -> int:
    """``BTF_INFO_KIND``."""
    return (info >> 24) & 31


def _linkage(number: int) -> str:
    return _LINKAGE[number] if number < len(_LINKAGE) else str(number)


def _signed(word: int, bits: int = 32) -> int:
    return word - (1 << bits) if word >> (bits - 1) else word


def _int(words: Words, name: Name) -> Type:
    encoding = words[3]
    flags = encoding >> 24
    return Int(name(words[0]), words[2], encoding & 255, bool(flags & 1), bool(flags & 2), bool(flags & 4))


def _struct(words: Words, name: Name) -> Type:
    fields = bool(words[1] >> 31)  # kind_flag: the upper 8 bits of an offset are a bit field's size
    members = []
    for at in range(3, len(words), 3):
        offset = words[at + 2]
        bits = offset >> 24 if fields else 0
        members.append(Member(name(words[at]), words[at + 1], offset & 0xFFFFFF if fields else offset, bits))
    return Struct(name(words[0]), words[2], kind(words[1]) == 5, tuple(members))


def _enum(words: Words, name: Name) -> Type:
    signed = bool(words[1] >> 31)
    # Encoders before the flag existed (Linux 6.1) left it clear for negative values too; as bpftool does,
    # an unsigned value stands as it is.
    values = tuple(
        (name(words[at]), _signed(words[at + 1]) if signed else words[at + 1])
        for at in range(3, len(words), 2)
    )
    return Enum(name(words[0]), words[2], signed, values)


def _enum64(words: Words, name: Name) -> Type:
    signed = bool(words[1] >> 31)
    values = []
    for at in range(3, len(words), 3):
        value = words[at + 1] | words[at + 2] << 32
        values.append((name(words[at]), _signed(value, 64) if signed else value))
    return Enum(name(words[0]), words[2], signed, tuple(values))


def _modifier(words: Words, name: Name) -> Type:
    return Modifier(_QUALIFIER[kind(words[1])], words[2], name(words[0]))


def _func_proto(words: Words, name: Name) -> Type:
    return FuncProto(words[2], tuple(Param(name(words[at]), words[at + 1]) for at in range(3, len(words), 2)))


def _data_section(words: Words, name: Name) -> Type:
    slots = tuple(Slot(*words[at : at + 3]) for at in range(3, len(words), 3))
    return DataSec(name(words[0]), words[2], slots)


_DECODERS: Final[dict[int, Callable[[Words, Name], Type]]] = {
    1: _int,
    2: lambda words, _: Ptr(words[2]),
    3: lambda words, _: Array(words[3], words[4], words[5]),
    4: _struct,
    5: _struct,
    6: _enum,
    7: lambda words, name: Fwd(name(words[0]), bool(words[1] >> 31)),
    8: lambda words, name: Typedef(name(words[0]), words[2]),
    9: _modifier,
    10: _modifier,
    11: _modifier,
    12: lambda words, name: Func(name(words[0]), words[2], _linkage(words[1] & 0xFFFF)),
    13: _func_proto,
    14: lambda words, name: Var(name(words[0]), words[2], _linkage(words[3])),
    15: _data_section,
    16: lambda words, name: Float(name(words[0]), words[2]),
    17: lambda words, name: DeclTag(name(words[0]), words[2], _signed(words[3])),
    18: _modifier,
    19: _enum64,
}


def decode(words: Words, name: Name) -> Type:
    """The type whose words are *words*; *name* gives the string at an offset."""
    return _DECODERS[kind(words[1])](words, name)
