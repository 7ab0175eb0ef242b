"""Spell types and declarations in C."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pytest_ebpf.btf.types import (
    DEPTH,
    Array,
    DataSec,
    DeclTag,
    Enum,
    Float,
    Func,
    FuncProto,
    Fwd,
    Int,
    Modifier,
    Ptr,
    Struct,
    Type,
    Typedef,
    Var,
)
from pytest_ebpf.errors import BtfError


class Types(Protocol):
    """Where types are looked up by id."""

    def type(self, type_id: int) -> Type:
        """The type with this id."""


#: Spells what a declaration begins with: an int, a typedef, a struct, an enum, void.
Base = Callable[[int], str]

#: Function types may hold function types; none in a kernel goes deeper than a handful.
_NESTING = 16

#: Parameters in one declaration, those of its parameters included; none in a kernel has a hundred.
_PARAMS = 4096


def declare(btf: Types, type_id: int, declarator: str, base: Base) -> str:
    """The C declaration of *declarator* (empty for the bare type) with a type."""
    return _Declaration(btf, base).text(type_id, declarator, 0)


class _Declaration:
    """Works outward from the name, as C does.

    A pointer puts a star in front, an array or a function brackets behind, in parentheses if a star was
    last. Qualifiers wait for what they qualify.
    """

    def __init__(self, btf: Types, base: Base) -> None:
        self._btf = btf
        self._base = base
        self._params_left = _PARAMS

    def text(self, type_id: int, declarator: str, depth: int) -> str:
        qualifiers: list[str] = []
        starred = False
        for _ in range(DEPTH):
            match found := self._btf.type(type_id):
                case Ptr():
                    declarator = "*" + "".join(f"{each} " for each in qualifiers) + declarator
                    qualifiers, starred = [], True
                case Modifier():
                    if found.qualifier != "type_tag" and found.qualifier not in qualifiers:
                        qualifiers.append(found.qualifier)
                case Array():
                    declarator = f"({declarator})" if starred else declarator
                    declarator, starred = f"{declarator}[{found.count}]", False
                case FuncProto():
                    declarator = f"({declarator})" if starred else declarator
                    declarator, starred = f"{declarator}({self._params(found, depth + 1)})", False
                    qualifiers = []
                case _:
                    front = "".join(f"{each} " for each in qualifiers if each != "restrict")
                    space = " " if declarator and not declarator.startswith("[") else ""
                    return f"{front}{self._base(type_id)}{space}{declarator}"
            type_id = found.type_id
        raise _endless(type_id)

    def _params(self, proto: FuncProto, depth: int) -> str:
        self._params_left -= len(proto.params)
        if depth > _NESTING or self._params_left < 0:
            raise BtfError("function types nested without end", where="BTF", hint="build the object again")
        if not proto.params:
            return "void"
        return ", ".join(
            "..." if not each.type_id and not each.name else self.text(each.type_id, each.name, depth)
            for each in proto.params
        )


def _endless(type_id: int) -> BtfError:
    return BtfError(f"type {type_id} has no end", where="BTF", hint="build the object again")


def keyword(found: Struct | Fwd | Enum) -> str:
    """``struct``, ``union`` or ``enum``."""
    if isinstance(found, Enum):
        return "enum"
    return "union" if found.is_union else "struct"


def spell(btf: Types, type_id: int) -> str:
    """The type as C spells it without a name; an anonymous struct is ``struct {...}``."""
    found = btf.type(type_id)
    if isinstance(found, Func | Var):
        return declare(btf, found.type_id, found.name, lambda each: _base(btf, each))
    return declare(btf, type_id, "", lambda each: _base(btf, each)).rstrip()


def _base(btf: Types, type_id: int) -> str:
    match found := btf.type(type_id):
        case Struct() | Fwd() | Enum():
            return f"{keyword(found)} {found.name or '{...}'}"
        case Int() | Float() | Typedef() | DataSec() | Func() | Var() | DeclTag():
            return found.name
        case _:
            return "void"
