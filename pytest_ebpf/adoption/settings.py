"""What a loader must set before an object can be loaded, with values that let a first test begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pytest_ebpf.btf import Array, Btf, Enum, Int
from pytest_ebpf.manifest.maprules import RULES, MapRule
from pytest_ebpf.manifest.scalars import IDENTIFIER
from pytest_ebpf.objects import GlobalFacts, MapFacts, ObjectFacts
from pytest_ebpf.uapi import MapFlag, MapType

#: Marks what the object leaves open.
SETS: Final = "a loader sets this"

#: Bytes that a map may take of a machine of 256 MiB.
_LARGEST: Final = 32 << 20

#: Bytes that the kernel adds to an element of a hash: struct htab_elem or bpf_lru_node, and its bucket.
_PER_ELEMENT: Final = 80

_DEFAULT_ENTRIES: Final = 1024
_ENTRIES: Final = {MapType.RINGBUF: 65536, MapType.USER_RINGBUF: 65536, MapType.ARENA: 16}
_BY_BYTE: Final = frozenset({MapType.RINGBUF, MapType.USER_RINGBUF})
_WITHOUT_KEYS: Final = frozenset({MapType.ARRAY, MapType.PERCPU_ARRAY})
_PLAIN: Final = frozenset({MapType.HASH, MapType.ARRAY, MapType.LRU_HASH, MapType.RINGBUF})
_DEFAULT_SIZE: Final = 8
_STACK_DEPTH: Final = 127


@dataclass(frozen=True)
class Setting:
    """One line of a ``load`` table: *value* for *name*, and what is said beside it.

    A *value* of None is for the loader's author to find: the line is a comment.
    """

    table: str
    name: str
    value: Any
    comment: str = SETS


@dataclass(frozen=True)
class Settings:
    """All of an object's; *refusal* says what is missing that cannot be set here."""

    lines: tuple[Setting, ...]
    refusal: str | None


def settings_of(facts: ObjectFacts) -> Settings:
    """What *facts* leave open: sizes, inner maps, constants that are zero."""
    lines = [*_maps(facts), *_constants(facts)]
    # Static variables of several functions may share a name, which then says nothing.
    counts = Counter((each.table, each.name) for each in lines)
    alone = tuple(each for each in lines if counts[each.table, each.name] == 1)
    return Settings(alone, next(_refusals(facts), None))


def _rule(found: MapFacts) -> MapRule | None:
    try:
        return RULES.get(MapType(found.type))
    except ValueError:
        return None


def _maps(facts: ObjectFacts) -> Iterator[Setting]:
    for each in facts.maps:
        rule = _rule(each)
        if rule is None:
            continue
        if not each.max_entries and rule.entries == "required":
            entries = _ENTRIES.get(MapType(each.type), _DEFAULT_ENTRIES)
            yield Setting("max_entries", each.name, entries)
        elif (fitting := _fitting(each)) < each.max_entries:
            comment = f"{each.max_entries} in the object, more than a machine of 256 MiB has room for"
            yield Setting("max_entries", each.name, fitting, comment)
        if not each.value_size and rule.value.present and not rule.inner:
            yield Setting("value_size", each.name, _value_size(each, rule))
        if rule.inner and each.inner is None and (candidate := _candidate(facts)):
            yield Setting("inner", each.name, candidate, f"{SETS}; any map of the object will do here")


def _value_size(found: MapFacts, rule: MapRule) -> int:
    if found.type == MapType.STACK_TRACE:
        return _STACK_DEPTH * 8
    return rule.value.sizes[0] if rule.value.sizes else _DEFAULT_SIZE


def _fitting(found: MapFacts) -> int:
    """The entries that fit: halved until they do, so that powers of two stay such."""
    entries = found.max_entries
    if found.flags & MapFlag.NO_PREALLOC or found.type == MapType.ARENA:
        return entries
    if found.type in _BY_BYTE:
        each = 1
    else:
        overhead = 0 if found.type in _WITHOUT_KEYS else _PER_ELEMENT
        each = found.key_size + found.value_size + overhead
    while entries > 1 and entries * each > _LARGEST:
        entries //= 2
    return entries


def _candidate(facts: ObjectFacts) -> str | None:
    """A map that inner maps may look like: neither of maps nor of programs."""
    for each in facts.maps:
        if each.type in _PLAIN and each.max_entries and not each.legacy:
            return each.name
    return None


def _refusals(facts: ObjectFacts) -> Iterator[str]:
    for each in facts.maps:
        rule = _rule(each)
        if not each.type:
            yield f"map {each.name} has no type, which its loader sets"
        elif rule and rule.key.present and not each.key_size:
            yield f"map {each.name} has no size of keys, which its loader sets"
        elif rule and rule.inner and each.inner is None and _candidate(facts) is None:
            yield f"map {each.name} holds maps, and the object has none that tells what they look like"


def _constants(facts: ObjectFacts) -> Iterator[Setting]:
    """Constants that are zero: nobody writes a program to read them, unless a loader sets them."""
    for each in facts.globals:
        if each.constant and facts.btf and IDENTIFIER.fullmatch(each.name) and not any(each.initial or b""):
            yield Setting("globals", each.name, _zero(facts.btf, each))


def _zero(btf: Btf, found: GlobalFacts) -> Any:
    """The zero that is there already as the manifest writes it; None for what is no plain value."""
    if found.type_id is None:
        return None
    kind = btf.type(btf.strip(found.type_id))
    if isinstance(kind, Int):
        return False if kind.boolean else 0
    if isinstance(kind, Array) and btf.name(btf.strip(kind.type_id)) == "char":
        return ""
    return 0 if isinstance(kind, Enum) else None
