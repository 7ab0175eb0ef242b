"""Sizes and alignments of declared types, by the C rules of the BPF target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pytest_ebpf.manifest.defect import DefectError
from pytest_ebpf.manifest.model import EnumDecl, TypeDecl, UnionDecl
from pytest_ebpf.manifest.typeexpr import BUILTINS, Layout, TypeExpr
from pytest_ebpf.suggest import suggestion


class HasTypes(Protocol):
    """Whatever declares types: a manifest, or its tables while they are being checked."""

    @property
    def types(self) -> Mapping[str, TypeDecl]:
        """The declared types by name."""


def layout(manifest: HasTypes, expr: TypeExpr) -> Layout:
    """Return the size and alignment of *expr* in bytes.

    :class:`DefectError` for a type that is not declared or that contains itself; a loaded manifest has
    neither.
    """
    return _layout(manifest.types, expr, ())


def _layout(types: Mapping[str, TypeDecl], expr: TypeExpr, within: tuple[str, ...]) -> Layout:
    one = BUILTINS.get(expr.base) or _declared(types, expr.base, within)
    count = 1
    for dimension in expr.dims:
        count *= dimension
    return Layout(one.size * count, one.align)


def _declared(types: Mapping[str, TypeDecl], name: str, within: tuple[str, ...]) -> Layout:
    if name in within:
        chain = " -> ".join((*within[within.index(name) :], name))
        raise DefectError(f"a type contains itself ({chain})", hint="break the circle")
    decl = types.get(name)
    if decl is None:
        raise DefectError(f'unknown type (seen "{name}")', hint=suggestion(name, (*types, *BUILTINS)))
    if isinstance(decl, EnumDecl):
        return BUILTINS[decl.type]
    members = [_layout(types, field, (*within, name)) for field in decl.fields.values()]
    align = max(member.align for member in members)
    if isinstance(decl, UnionDecl):
        return Layout(_round_up(max(member.size for member in members), align), align)
    end = 0
    for member in members:
        end = _round_up(end, member.align) + member.size
    return Layout(_round_up(end, align), align)


def _round_up(size: int, align: int) -> int:
    return -(-size // align) * align
