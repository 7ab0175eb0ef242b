"""What ``BPF_MAP_CREATE`` asks of each type of map, as far as it holds on every kernel.

Source: the ``map_alloc_check`` and ``map_alloc`` functions of ``arraymap.c``, ``hashtab.c``, ``lpm_trie.c``,
``ringbuf.c``, ``stackmap.c``, ``queue_stack_maps.c``, ``bloom_filter.c``, ``devmap.c``, ``cpumap.c``,
``arena.c``, ``local_storage.c`` and ``bpf_local_storage.c`` in ``kernel/bpf``, and
``net/core/sock_map.c``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from pytest_ebpf.uapi import MapFlag, MapType


@dataclass(frozen=True)
class Side:
    """The key or the value: whether there is one (*present*), its *default*, the *sizes* it may have.

    *sizes* are in bytes, any from *least* to *most* if empty; a size must be a multiple of *multiple*.
    """

    present: bool = True
    default: str | None = None
    sizes: tuple[int, ...] = ()
    multiple: int = 1
    least: int = 1
    most: int = 1 << 31


@dataclass(frozen=True)
class MapRule:
    """What one type of map takes; *entries* says whether ``max_entries`` must, may or must not be given.

    *flags* are those it does not do without, *inner* whether its values are maps.
    """

    key: Side
    value: Side
    entries: Literal["required", "optional", "refused"] = "required"
    flags: tuple[MapFlag, ...] = ()
    inner: bool = False


_ANY: Final = Side()
# Beside the rest of an entry, below KMALLOC_MAX_SIZE; of maps by CPU, PCPU_MIN_UNIT_SIZE.
_ALLOCATED: Final = Side(most=(1 << 22) - 1)
_BY_CPU: Final = Side(most=32 << 10)
_NONE: Final = Side(present=False)
_U32: Final = Side(default="u32", sizes=(4,))
_FD_OR_MORE: Final = Side(default="u32", sizes=(4, 8))
_STORAGE: Final = MapRule(
    Side(default="u32", sizes=(4,)), _ANY, entries="refused", flags=(MapFlag.NO_PREALLOC,)
)
# bpf_cgroup_storage_key, or the cgroup's inode number alone since 5.9.
_CGROUP_STORAGE: Final = MapRule(Side(default="u64", sizes=(8, 16)), _ANY, entries="refused")
_RINGBUF: Final = MapRule(_NONE, _NONE)

#: Types that no manifest declares are left out: the compiler makes insn_array, the source struct_ops.
RULES: Final[Mapping[MapType, MapRule]] = MappingProxyType(
    {
        MapType.HASH: MapRule(_ANY, _ALLOCATED),
        MapType.PERCPU_HASH: MapRule(_ANY, _BY_CPU),
        MapType.LRU_HASH: MapRule(_ANY, _ALLOCATED),
        MapType.LRU_PERCPU_HASH: MapRule(_ANY, _BY_CPU),
        MapType.RHASH: MapRule(_ANY, _ALLOCATED, flags=(MapFlag.NO_PREALLOC,)),
        MapType.ARRAY: MapRule(_U32, _ANY),
        MapType.PERCPU_ARRAY: MapRule(_U32, _BY_CPU),
        MapType.PROG_ARRAY: MapRule(_U32, _U32),
        MapType.PERF_EVENT_ARRAY: MapRule(_U32, _U32, entries="optional"),
        MapType.STACK_TRACE: MapRule(_U32, Side(multiple=8)),
        MapType.CGROUP_ARRAY: MapRule(_U32, _U32),
        MapType.LPM_TRIE: MapRule(Side(least=5, most=260), _ALLOCATED, flags=(MapFlag.NO_PREALLOC,)),
        MapType.ARRAY_OF_MAPS: MapRule(_U32, _U32, inner=True),
        MapType.HASH_OF_MAPS: MapRule(_ANY, _U32, inner=True),
        MapType.DEVMAP: MapRule(_U32, _FD_OR_MORE),
        MapType.DEVMAP_HASH: MapRule(_U32, _FD_OR_MORE),
        MapType.SOCKMAP: MapRule(_U32, _FD_OR_MORE),
        MapType.SOCKHASH: MapRule(_ANY, _FD_OR_MORE),
        MapType.CPUMAP: MapRule(_U32, _FD_OR_MORE),
        MapType.XSKMAP: MapRule(_U32, _U32),
        MapType.REUSEPORT_SOCKARRAY: MapRule(_U32, Side(default="u64", sizes=(4, 8))),
        MapType.CGROUP_STORAGE: _CGROUP_STORAGE,
        MapType.PERCPU_CGROUP_STORAGE: _CGROUP_STORAGE,
        MapType.QUEUE: MapRule(_NONE, _ANY),
        MapType.STACK: MapRule(_NONE, _ANY),
        MapType.SK_STORAGE: _STORAGE,
        MapType.INODE_STORAGE: _STORAGE,
        MapType.TASK_STORAGE: _STORAGE,
        MapType.CGRP_STORAGE: _STORAGE,
        MapType.BLOOM_FILTER: MapRule(_NONE, _ANY),
        MapType.RINGBUF: _RINGBUF,
        MapType.USER_RINGBUF: _RINGBUF,
        MapType.ARENA: MapRule(_NONE, _NONE, flags=(MapFlag.MMAPABLE,)),
    }
)

_STORAGES: Final = frozenset(
    {MapType.SK_STORAGE, MapType.INODE_STORAGE, MapType.TASK_STORAGE, MapType.CGRP_STORAGE}
)
_HASHES: Final = frozenset(
    {MapType.HASH, MapType.PERCPU_HASH, MapType.LRU_HASH, MapType.LRU_PERCPU_HASH, MapType.HASH_OF_MAPS}
)
#: Maps that programs may be kept from reading, or from writing to.
_GUARDED: Final = _HASHES | {
    MapType.RHASH,
    MapType.ARRAY,
    MapType.PERCPU_ARRAY,
    MapType.LPM_TRIE,
    MapType.REUSEPORT_SOCKARRAY,
    MapType.CGROUP_STORAGE,
    MapType.PERCPU_CGROUP_STORAGE,
    MapType.QUEUE,
    MapType.STACK,
    MapType.BLOOM_FILTER,
}
#: Maps that user space may be kept from writing to, and, but for perf events, from reading.
_GUARDED_FROM_USERS: Final = _GUARDED | {
    MapType.PROG_ARRAY,
    MapType.STACK_TRACE,
    MapType.CGROUP_ARRAY,
    MapType.ARRAY_OF_MAPS,
    MapType.DEVMAP,
    MapType.DEVMAP_HASH,
    MapType.SOCKMAP,
    MapType.SOCKHASH,
    MapType.XSKMAP,
}

#: Flags that only these types take; every other type answers EINVAL. Held against kernels by
#: tests/vm/test_maps_all_types.py.
FLAG_ONLY_ON: Final[Mapping[MapFlag, frozenset[MapType]]] = MappingProxyType(
    {
        MapFlag.NO_PREALLOC: frozenset(
            {
                MapType.HASH,
                MapType.PERCPU_HASH,
                MapType.HASH_OF_MAPS,
                MapType.RHASH,
                MapType.LPM_TRIE,
                *_STORAGES,
            }
        ),
        MapFlag.NO_COMMON_LRU: frozenset({MapType.LRU_HASH, MapType.LRU_PERCPU_HASH}),
        MapFlag.ZERO_SEED: _HASHES | {MapType.BLOOM_FILTER},
        MapFlag.CLONE: _STORAGES,
        MapFlag.RDONLY: _GUARDED_FROM_USERS,
        MapFlag.WRONLY: _GUARDED_FROM_USERS | {MapType.PERF_EVENT_ARRAY},
        MapFlag.RDONLY_PROG: _GUARDED,
        MapFlag.WRONLY_PROG: _GUARDED,
        MapFlag.STACK_BUILD_ID: frozenset({MapType.STACK_TRACE}),
        MapFlag.MMAPABLE: frozenset({MapType.ARRAY, MapType.ARENA}),
        MapFlag.PRESERVE_ELEMS: frozenset({MapType.PERF_EVENT_ARRAY}),
        MapFlag.RB_OVERWRITE: frozenset({MapType.RINGBUF}),
        MapFlag.INNER_MAP: frozenset({MapType.ARRAY}),
        MapFlag.SEGV_ON_FAULT: frozenset({MapType.ARENA}),
        MapFlag.NO_USER_CONV: frozenset({MapType.ARENA}),
    }
)

#: Flags the loader sets by itself; nobody declares them.
_LOADER_FLAGS: Final = (
    MapFlag.LINK | MapFlag.PATH_FD | MapFlag.VTYPE_BTF_OBJ_FD | MapFlag.TOKEN_FD | MapFlag.NUMA_NODE
)

#: The types and flags of maps as the manifest spells them.
TYPE_NAMES: Final = tuple(kind.name.lower() for kind in RULES)
FLAG_NAMES: Final = tuple(flag.name.lower() for flag in MapFlag if flag.name and flag not in _LOADER_FLAGS)


def rule_of(type_name: str) -> MapRule | None:
    """The rule of the type spelled *type_name*, None if there is no such type."""
    kind = MapType.__members__.get(type_name.upper())
    return RULES.get(kind) if kind is not None and type_name.islower() else None
