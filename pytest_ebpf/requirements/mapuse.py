"""What the verifier asks of the maps that a program names, whether control comes to that or not.

Source: ``check_map_prog_compatibility`` in kernel/bpf/verifier.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pytest_ebpf.btf import Btf, Struct
from pytest_ebpf.hooks import Hook
from pytest_ebpf.objects import MapFacts
from pytest_ebpf.requirements.linked import Body
from pytest_ebpf.requirements.model import Kind, Requirement
from pytest_ebpf.requirements.targets import may_sleep
from pytest_ebpf.uapi import MapFlag, MapType, ProgType

#: ``is_tracing_prog_type``.
_TRACING: Final = frozenset(
    {ProgType.KPROBE, ProgType.TRACEPOINT, ProgType.PERF_EVENT, ProgType.RAW_TRACEPOINT}
)

#: Fields of values that some programs may not have in their maps.
_NOT_IN: Final[Mapping[str, frozenset[ProgType]]] = {
    "bpf_spin_lock": _TRACING | {ProgType.SOCKET_FILTER},
    "bpf_timer": _TRACING,
}

#: The types of maps where such a field is one. Others libbpf makes without BTF, and there it is just bytes.
_FIELD_OF: Final[Mapping[str, frozenset[MapType]]] = {
    "bpf_spin_lock": frozenset(
        {
            MapType.HASH,
            MapType.ARRAY,
            MapType.SK_STORAGE,
            MapType.INODE_STORAGE,
            MapType.TASK_STORAGE,
            MapType.CGRP_STORAGE,
        }
    ),
    "bpf_timer": frozenset({MapType.HASH, MapType.LRU_HASH, MapType.ARRAY}),
}

#: Structs within structs that kernels look into (``MAX_RESOLVE_DEPTH``), or fewer.
_DEEPEST: Final = 4

_HASHES: Final = frozenset({MapType.HASH, MapType.PERCPU_HASH, MapType.HASH_OF_MAPS})


def map_uses(
    body: Body, hook: Hook, maps: Mapping[str, MapFacts], btf: Btf | None
) -> Iterator[tuple[int, Requirement]]:
    """What programs on *hook* need of each map that a function names, with the instruction that does."""
    for index, name in body.maps.items():
        found = maps.get(name)
        if found is None:
            continue
        if may_sleep(hook):
            need = Requirement(Kind.MAP_USE, found.type_name, found.type, subject=name, always=True)
            yield index, need
        for field, types in _NOT_IN.items():
            is_field = found.type in _FIELD_OF[field] and hook.kind.prog_type in types
            for depth in _depths(btf, found.value, field) if is_field and btf else ():
                what = f"a nested {field}" if depth else field
                yield index, Requirement(Kind.MAP_USE, what, subject=name, always=True)
        if hook.kind.prog_type == ProgType.PERF_EVENT and (_grows(found) or _grows(found.inner)):
            yield index, Requirement(Kind.MAP_USE, "no_prealloc", subject=name, always=True)


def _grows(found: MapFacts | None) -> bool:
    """Whether it is a hash that allocates its entries when they are put in."""
    return found is not None and found.type in _HASHES and bool(found.flags & MapFlag.NO_PREALLOC)


def _depths(btf: Btf, type_id: int | None, name: str) -> Iterator[int]:
    """In how many structs of a value there is a ``struct NAME``: not every kernel looks for it there."""
    level = {btf.strip(type_id)} if type_id else set()
    for depth in range(_DEEPEST + 1):
        kinds = (btf.type(each) for each in level)
        structs = [each for each in kinds if isinstance(each, Struct) and (not depth or not each.is_union)]
        if depth and any(each.name == name for each in structs):
            yield depth - 1
        level = {
            btf.strip(member.type_id) for each in structs if each.name != name for member in each.members
        }
