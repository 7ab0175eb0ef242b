"""Maps held against what the kernel asks of their type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pytest_ebpf.manifest.defect import Finding
from pytest_ebpf.manifest.maprules import FLAG_ONLY_ON, RULES, MapRule, Side
from pytest_ebpf.manifest.model import EnumDecl, MapDecl, StructDecl, TypeDecl
from pytest_ebpf.manifest.scope import Scope
from pytest_ebpf.manifest.typeexpr import PREFIXES, TypeExpr
from pytest_ebpf.manifest.values import content_findings
from pytest_ebpf.suggest import suggestion
from pytest_ebpf.uapi import MapFlag, MapType

#: The size of a page on every architecture we build for: ring buffers are made of whole ones.
PAGE: Final = 4096

_RING_BUFFERS: Final = frozenset({MapType.RINGBUF, MapType.USER_RINGBUF})

#: Types through which programs send records, or are sent some.
_WITH_RECORDS: Final = _RING_BUFFERS | {MapType.PERF_EVENT_ARRAY}

#: Types that the kernel refuses as inner maps: they have no ``map_meta_equal``, or hold maps themselves.
_NEVER_INNER: Final = frozenset(
    {
        MapType.PROG_ARRAY,
        MapType.ARRAY_OF_MAPS,
        MapType.HASH_OF_MAPS,
        MapType.CGROUP_STORAGE,
        MapType.PERCPU_CGROUP_STORAGE,
    }
)

#: The prefix length and at most 256 bytes of data (``LPM_DATA_SIZE_MAX`` of ``kernel/bpf/lpm_trie.c``).
_LPM_KEY_SIZES: Final = range(5, 4 + 256 + 1)

_OPPOSITE_FLAGS: Final = ((MapFlag.RDONLY, MapFlag.WRONLY), (MapFlag.RDONLY_PROG, MapFlag.WRONLY_PROG))


def map_findings(scope: Scope) -> Iterator[Finding]:
    """Say what no kernel would create."""
    for name, decl in scope.document.maps.items():
        path = ("maps", name)
        rule = RULES[decl.map_type]
        whole = not scope.is_doubtful(*path)
        yield from _side(scope, (*path, "key"), decl.type, rule.key, decl.key)
        yield from _side(scope, (*path, "value"), decl.type, rule.value, decl.value)
        yield from _prefix(scope, path, decl)
        yield from _entries(path, decl, rule, whole=whole)
        yield from _flags(path, decl, rule, whole=whole)
        yield from _inner(scope, path, decl, rule)
        yield from _records(scope, path, decl)
        yield from content_findings(scope, path, decl)
        yield from _programs(scope, path, decl)


def _side(
    scope: Scope, path: tuple[str, str, str], kind: str, side: Side, expr: TypeExpr | None
) -> Iterator[Finding]:
    """Hold the key or the value, at *path*, of a map of type *kind* against its rule."""
    table, name, key = path
    if expr is None:
        if side.present and not scope.is_doubtful(table, name):
            yield Finding(path, f"required for {kind}", f'add {key} = "..."')
        return
    if not side.present:
        yield Finding(path, f'{kind} has none (seen "{expr}")', "remove it")
        return
    yield from scope.unknown_type(path, expr)
    size = scope.size(expr)
    if size is None:
        return
    if side.sizes and size not in side.sizes:
        sizes = " or ".join(map(str, side.sizes))
        what = f'must have {sizes} bytes for {kind} (seen "{expr}", {size} bytes)'
        yield Finding(path, what, f'use "{side.default}"')
    if size % side.multiple:
        what = f'must have a multiple of {side.multiple} bytes for {kind} (seen "{expr}", {size} bytes)'
        yield Finding(path, what, 'use an array of "u64"')
    if size > side.most and MapType[kind.upper()] is not MapType.LPM_TRIE:
        what = f'must have at most {side.most} bytes for {kind} (seen "{expr}", {size} bytes)'
        yield Finding(path, what, "use several entries, or an array")


def _prefix(scope: Scope, path: tuple[str, str], decl: MapDecl) -> Iterator[Finding]:
    if decl.map_type is not MapType.LPM_TRIE or decl.key is None:
        return
    size = scope.size(decl.key)
    if size is None or (decl.key.base in PREFIXES and not decl.key.dims):
        return
    hint = 'use "ipv4_prefix", "ipv6_prefix", or a struct whose first field is the prefix length'
    struct = scope.document.types.get(decl.key.base)
    if decl.key.dims or not isinstance(struct, StructDecl):
        yield Finding((*path, "key"), f'not a prefix (seen "{decl.key}")', hint)
    elif str(first := next(iter(struct.fields.values()))) != "u32":
        yield Finding((*path, "key"), f'must begin with a u32 (seen "{decl.key}", "{first}")', hint)
    elif size not in _LPM_KEY_SIZES:
        what = f'must have 5 to 260 bytes for lpm_trie (seen "{decl.key}", {size} bytes)'
        yield Finding((*path, "key"), what, hint)


def _entries(path: tuple[str, str], decl: MapDecl, rule: MapRule, *, whole: bool) -> Iterator[Finding]:
    here, seen = (*path, "max_entries"), decl.max_entries
    if seen is None:
        if rule.entries == "required" and whole:
            unit = "its size in bytes" if decl.map_type in _RING_BUFFERS else "the number of entries"
            yield Finding(here, f"required for {decl.type}", f"add max_entries, {unit}")
    elif rule.entries == "refused":
        yield Finding(here, f"{decl.type} has none (seen {seen})", "remove it")
    elif decl.map_type in _RING_BUFFERS and (seen % PAGE or seen & (seen - 1)):
        near = max(PAGE, 1 << (seen - 1).bit_length())
        what = f"must be a power of two and a multiple of {PAGE} for {decl.type} (seen {seen})"
        yield Finding(here, what, f"use {near}")


def _flags(path: tuple[str, str], decl: MapDecl, rule: MapRule, *, whole: bool) -> Iterator[Finding]:
    here, given = (*path, "flags"), decl.map_flags
    for flag in rule.flags:
        if flag not in given and whole:
            name = str(flag.name).lower()
            yield Finding(here, f'{decl.type} needs the flag "{name}"', f'add "{name}" to flags')
    for index, name in enumerate(decl.flags):
        types = FLAG_ONLY_ON.get(MapFlag[name.upper()])
        if name in decl.flags[:index]:
            yield Finding((*here, index), f'named twice (seen "{name}")', "remove one")
        elif types and decl.map_type not in types:
            takers = ", ".join(sorted(kind.name.lower() for kind in types))
            yield Finding((*here, index), f'{decl.type} does not take it (seen "{name}")', f"for: {takers}")
    for one, other in _OPPOSITE_FLAGS:
        if one in given and other in given:
            names = f'"{str(one.name).lower()}" and "{str(other.name).lower()}"'
            yield Finding(here, f"the kernel takes one of them (seen {names})", "remove one")


def _inner(scope: Scope, path: tuple[str, str], decl: MapDecl, rule: MapRule) -> Iterator[Finding]:
    here = (*path, "inner")
    if decl.inner is None:
        if rule.inner and not scope.is_doubtful(*path):
            hint = "name the declared map that inner maps look like"
            yield Finding(here, f"required for {decl.type}", hint)
        return
    if not rule.inner:
        yield Finding(here, f'{decl.type} has none (seen "{decl.inner}")', "remove it")
        return
    maps = scope.document.maps
    like = maps.get(decl.inner)
    if like is None:
        if not scope.is_doubtful("maps", decl.inner):
            others = [name for name in maps if name != path[1]]
            hint = suggestion(decl.inner, others) or f"declare it as [maps.{decl.inner}]"
            yield Finding(here, f'no such map is declared (seen "{decl.inner}")', hint)
    elif like.map_type in _NEVER_INNER:
        what = f'{like.type} cannot be inside another map (seen "{decl.inner}")'
        yield Finding(here, what, "name a map of another type")


def _records(scope: Scope, path: tuple[str, str], decl: MapDecl) -> Iterator[Finding]:
    if decl.records is None:
        return
    if decl.map_type not in _WITH_RECORDS:
        yield Finding((*path, "records"), f'{decl.type} has none (seen "{decl.records}")', "remove it")
    else:
        yield from record_findings(scope, (*path, "records"), decl.records)


def record_findings(scope: Scope, path: tuple[str | int, ...], declared: TypeExpr) -> Iterator[Finding]:
    """Say what is wrong with the type of records at *path*."""
    if declared.dims:
        what = f'must be the type of one record (seen "{declared}")'
        yield Finding(path, what, "declare a struct with the array in it")
    else:
        yield from scope.unknown_type(path, declared)


def _programs(scope: Scope, path: tuple[str, str], decl: MapDecl) -> Iterator[Finding]:
    """The entries of a prog_array: keys that it has, programs of the objects that use it."""
    here = (*path, "entries")
    if not decl.entries:
        return
    if decl.map_type is not MapType.PROG_ARRAY:
        yield Finding(here, f"{decl.type} holds no programs (seen {len(decl.entries)})", "remove it")
        return
    objects = scope.document.objects.values()
    known = {name for each in objects for name in (*each.programs, *each.alternatives)}
    keyed = decl.entries if isinstance(decl.entries, dict) else dict(enumerate(decl.entries))
    seen: dict[int | None, str | int] = {}
    for key, program in keyed.items():
        number = prog_array_key(scope.document.types, key)
        if number is None:
            hint = "write a number, or a constant of a declared enum"
            yield Finding((*here, key), f'not a key (seen "{key}")', hint)
        elif decl.max_entries is not None and number >= decl.max_entries:
            what = f"beyond the last key, {decl.max_entries - 1} (seen {key})"
            yield Finding((*here, key), what, "make max_entries larger")
        elif number in seen:
            yield Finding((*here, key), f'the same key as "{seen[number]}" (seen "{key}")', "remove one")
        seen[number] = key
        if program not in known and "objects" not in {path[0] for path in scope.doubtful}:
            hint = suggestion(program, known) or "declare it with the object that it belongs to"
            yield Finding((*here, key), f'no such program is declared (seen "{program}")', hint)


def prog_array_key(types: Mapping[str, TypeDecl], key: str | int) -> int | None:
    """The number that *key* stands for: itself, or a constant of one of the declared *types*."""
    if isinstance(key, int) or key.isdecimal():
        return int(key)
    enums = (decl for decl in types.values() if isinstance(decl, EnumDecl))
    return next((decl.values[key] for decl in enums if key in decl.values), None)
