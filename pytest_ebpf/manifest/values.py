"""What maps hold from the start, held against the types of their keys and values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pytest_ebpf.manifest.defect import DefectError, Finding
from pytest_ebpf.manifest.initial import check_initial
from pytest_ebpf.manifest.maprules import RULES, MapRule
from pytest_ebpf.manifest.model import EntryDecl, EnumDecl, MapDecl, StructDecl, UnionDecl
from pytest_ebpf.manifest.scalars import shown
from pytest_ebpf.manifest.scope import Scope
from pytest_ebpf.manifest.typeexpr import TypeExpr
from pytest_ebpf.suggest import suggestion
from pytest_ebpf.uapi import MapType

Path = tuple[str | int, ...]

_PER_CPU: Final = frozenset({MapType.PERCPU_HASH, MapType.LRU_PERCPU_HASH, MapType.PERCPU_ARRAY})
_ARRAYS: Final = frozenset({MapType.ARRAY, MapType.PERCPU_ARRAY, MapType.DEVMAP, MapType.CPUMAP})

#: Types whose keys and values can be written down; the others hold what only a running kernel has.
SEEDED: Final = (
    _PER_CPU
    | _ARRAYS
    | {
        MapType.HASH,
        MapType.LRU_HASH,
        MapType.RHASH,
        MapType.LPM_TRIE,
        MapType.DEVMAP_HASH,
        MapType.QUEUE,
        MapType.STACK,
        MapType.BLOOM_FILTER,
    }
)


def content_findings(scope: Scope, path: Path, decl: MapDecl) -> Iterator[Finding]:
    """Say what the map at *path* cannot hold."""
    here = (*path, "contents")
    if not decl.contents:
        return
    if decl.map_type not in SEEDED:
        hint = 'name its programs in "entries"' if decl.map_type is MapType.PROG_ARRAY else "remove it"
        yield Finding(here, f"{decl.type} has none that can be written here ({_many(decl)})", hint)
        return
    if decl.max_entries is not None and len(decl.contents) > decl.max_entries:
        hint = "make max_entries larger"
        yield Finding(here, f"more than max_entries, {decl.max_entries} ({_many(decl)})", hint)
    rule, seen = RULES[decl.map_type], []
    for index, entry in enumerate(decl.contents):
        yield from _entry(scope, (*here, index), decl, rule, entry)
        if entry.key is not None and entry.key in seen:
            yield Finding((*here, index, "key"), f"named twice ({shown(entry.key)})", "remove one")
        seen.append(entry.key)


def _many(decl: MapDecl) -> str:
    return f"seen {len(decl.contents)}"


def _entry(scope: Scope, path: Path, decl: MapDecl, rule: MapRule, entry: EntryDecl) -> Iterator[Finding]:
    key = (*path, "key")
    if not rule.key.present:
        if entry.key is not None:
            yield Finding(key, f"{decl.type} has none ({shown(entry.key)})", "remove it")
    elif entry.key is None:
        yield Finding(key, f"required for {decl.type}", "add key = ...")
    elif decl.key is not None:
        wrong = [*value_findings(scope, key, decl.key, entry.key)]
        yield from wrong
        if not wrong and decl.map_type in _ARRAYS and entry.key >= (decl.max_entries or entry.key + 1):
            what = f"beyond the last key, {(decl.max_entries or 0) - 1} ({shown(entry.key)})"
            yield Finding(key, what, "make max_entries larger")
    if decl.value is not None:
        yield from _per_cpu(scope, (*path, "value"), decl, decl.value, entry.value)


def _per_cpu(scope: Scope, path: Path, decl: MapDecl, expr: TypeExpr, value: Any) -> Iterator[Finding]:
    """One value, or of a per-CPU type whose values are no arrays themselves a value for each CPU."""
    if decl.map_type in _PER_CPU and not expr.dims and isinstance(value, tuple):
        for cpu, each in enumerate(value):
            yield from value_findings(scope, (*path, cpu), expr, each)
    else:
        yield from value_findings(scope, path, expr, value)


def value_findings(scope: Scope, path: Path, expr: TypeExpr, value: Any) -> Iterator[Finding]:
    """Say what is wrong with a *value* of a type, at the element or the field where it is."""
    if scope.size(expr) is None:
        return  # said where the type is
    declared = scope.document.types.get(expr.base)
    if declared is None or isinstance(declared, EnumDecl):
        try:
            check_initial(scope.document.types, expr, value)
        except DefectError as defect:
            yield Finding(path, defect.what, defect.hint)
    elif expr.dims:
        if not isinstance(value, tuple) or len(value) != expr.dims[0]:
            yield Finding(path, f"must be an array of {expr.dims[0]} for {expr} ({shown(value)})")
            return
        for index, element in enumerate(value):
            yield from value_findings(scope, (*path, index), expr.element, element)
    else:
        yield from _fields(scope, path, expr.base, declared, value)


def _fields(
    scope: Scope, path: Path, name: str, declared: StructDecl | UnionDecl, value: Any
) -> Iterator[Finding]:
    """A struct as a table; fields that are left out are zero."""
    if not isinstance(value, dict):
        yield Finding(path, f"must be a table for {name} ({shown(value)})")
        return
    if isinstance(declared, UnionDecl) and len(value) != 1:
        yield Finding(path, f"needs exactly one member of the union {name} (seen {len(value)})")
    for field, each in value.items():
        if field not in declared.fields:
            what = f'{name} has no field "{field}"'
            yield Finding((*path, field), what, suggestion(field, declared.fields))
        else:
            yield from value_findings(scope, (*path, field), declared.fields[field], each)
