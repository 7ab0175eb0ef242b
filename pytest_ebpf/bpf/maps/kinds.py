"""From what a guest says of a map, and what the object's BTF says of its types, to a handle for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pytest_ebpf.bpf.identity import ProgramIdentity
from pytest_ebpf.bpf.lifetime import Lifetime
from pytest_ebpf.bpf.maps.arena import Arena
from pytest_ebpf.bpf.maps.arrays import ArrayMap
from pytest_ebpf.bpf.maps.base import Map, MapSpec
from pytest_ebpf.bpf.maps.descriptors import CpuMap, DescriptorMap, DevMap
from pytest_ebpf.bpf.maps.events import PerfEventArray, RingBuffer
from pytest_ebpf.bpf.maps.holders import MapOfMaps, ProgArray
from pytest_ebpf.bpf.maps.keyed import HashMap, KeyedMap, LpmTrie
from pytest_ebpf.bpf.maps.percpu import PerCpuArrayMap, PerCpuHashMap, per_cpu
from pytest_ebpf.bpf.maps.rings import UserRingBuffer
from pytest_ebpf.bpf.maps.storage import Storage
from pytest_ebpf.bpf.maps.streams import BloomFilter, QueueMap
from pytest_ebpf.bpf.maps.struct_ops import StructOpsMap
from pytest_ebpf.bpf.maps.traces import StackTraces
from pytest_ebpf.errors import UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.objects import MapFacts
from pytest_ebpf.uapi import MapFlag, MapType
from pytest_ebpf.values import addresses, codec
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import Codec, Order

#: The classes of kinds that need to know no more than the map itself.
PLAIN: Final[dict[int, type[Map]]] = {
    MapType.HASH: HashMap,
    MapType.LRU_HASH: HashMap,
    MapType.RHASH: HashMap,
    MapType.ARRAY: ArrayMap,
    MapType.PERCPU_HASH: PerCpuHashMap,
    MapType.LRU_PERCPU_HASH: PerCpuHashMap,
    MapType.PERCPU_ARRAY: PerCpuArrayMap,
    MapType.LPM_TRIE: LpmTrie,
    MapType.QUEUE: QueueMap,
    MapType.STACK: QueueMap,
    MapType.BLOOM_FILTER: BloomFilter,
    MapType.STRUCT_OPS: StructOpsMap,
    MapType.STACK_TRACE: StackTraces,
    MapType.CGROUP_ARRAY: DescriptorMap,
    MapType.SOCKMAP: DescriptorMap,
    MapType.SOCKHASH: DescriptorMap,
    MapType.REUSEPORT_SOCKARRAY: DescriptorMap,
    MapType.XSKMAP: DescriptorMap,
    MapType.DEVMAP: DevMap,
    MapType.DEVMAP_HASH: DevMap,
    MapType.CPUMAP: CpuMap,
    MapType.CGROUP_STORAGE: KeyedMap,
    MapType.PERCPU_CGROUP_STORAGE: PerCpuHashMap,
    MapType.SK_STORAGE: Storage,
    MapType.INODE_STORAGE: Storage,
    MapType.TASK_STORAGE: Storage,
    MapType.CGRP_STORAGE: Storage,
    MapType.INSN_ARRAY: ArrayMap,
}

#: The classes of kinds whose records have types that the map does not tell.
TYPED: Final[dict[int, type[RingBuffer[Any] | PerfEventArray[Any] | UserRingBuffer[Any]]]] = {
    MapType.RINGBUF: RingBuffer,
    MapType.PERF_EVENT_ARRAY: PerfEventArray,
    MapType.USER_RINGBUF: UserRingBuffer,
}

#: Kinds that hold one value for each possible CPU behind every key.
_PER_CPU: Final = frozenset(
    {
        MapType.PERCPU_HASH,
        MapType.LRU_PERCPU_HASH,
        MapType.PERCPU_ARRAY,
        MapType.PERCPU_CGROUP_STORAGE,
    }
)


class MapMaker:
    """Makes the handles of one object's maps.

    *records* names the type of the records of ring buffers and perf event arrays; *programs* and *maps* give
    those of the object.
    """

    def __init__(
        self,
        guest: Guest,
        values: Values | None,
        order: Order,
        *,
        lifetime: Lifetime,
        records: Mapping[str, str | type],
        programs: Callable[[], Iterable[ProgramIdentity]],
        maps: Callable[[], Iterable[Map]],
    ) -> None:
        self._guest = guest
        self._values = values
        self._order = order
        self._lifetime = lifetime
        self._records = records
        self._programs = programs
        self._maps = maps

    def make(self, answer: Mapping[str, Any], facts: MapFacts | None, inner: MapFacts | None) -> Map:
        """The handle of a map as the guest described it.

        *facts* gives the types of key and value, *inner* the shape of inner maps, where there are any.
        """
        spec = self._spec(answer, facts)
        if spec.type in TYPED:
            name = self._records.get(spec.name)
            stream = TYPED[spec.type](spec, self._values)
            return stream.of(name) if name else stream
        if spec.name in self._records:
            hint = "only ring buffers and perf event arrays have"
            raise UsageError("its entries are no records", where=f"{spec.where}: records", hint=hint)
        if spec.type == MapType.ARENA:
            return Arena(spec, self._values)
        if spec.type == MapType.PROG_ARRAY:
            return ProgArray(spec, self._programs)
        if spec.type in (MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS):
            return MapOfMaps(spec, lambda handle, size: self._inner(spec, inner, handle, size), self._maps)
        default = KeyedMap if spec.key_size else Map
        return PLAIN.get(spec.type, default)(spec)

    def _spec(self, answer: Mapping[str, Any], facts: MapFacts | None) -> MapSpec:
        kind, key_size, value_size = answer["type"], answer["key_size"], answer["value_size"]
        key = self._codec(facts.key if facts else None, key_size)
        if kind == MapType.LPM_TRIE and addresses.is_prefix_size(key_size) and not self._is_text(facts):
            key = addresses.prefix(key_size, self._order, key)
        value = self._codec(facts.value if facts else None, value_size)
        if kind in _PER_CPU:
            value = per_cpu(value, answer["cpus"] or possible_cpus(self._guest))
        return MapSpec(
            guest=self._guest,
            lifetime=self._lifetime,
            handle=answer["map"],
            name=answer["name"],
            type=kind,
            key_size=key_size,
            value_size=value_size,
            max_entries=answer["max_entries"],
            flags=MapFlag(answer["flags"]),
            key=key,
            value=value,
        )

    def _is_text(self, facts: MapFacts | None) -> bool:
        """Whether the keys of a trie are paths or names, which may be as long as an address."""
        return bool(self._values and facts and facts.key and self._values.ends_in_text(facts.key))

    def _codec(self, type_id: int | None, size: int) -> Codec:
        """By BTF if it agrees with the size the map has (a loader may have changed it), else plain."""
        if type_id is not None and self._values is not None:
            found = self._values.codec(type_id)
            if found.size == size:
                return found
        return codec.raw(size, self._order)

    def _inner(self, outer: MapSpec, inner: MapFacts | None, handle: int, max_entries: int | None) -> Map:
        assert inner is not None, "the agent creates no inner map of an unknown shape"
        answer = {
            "name": f"{outer.name}.inner",
            "map": handle,
            "type": inner.type,
            "key_size": inner.key_size,
            "value_size": inner.value_size,
            "max_entries": max_entries or inner.max_entries,
            "flags": inner.flags,
            "cpus": 0,
        }
        return self.make(answer, inner, None)


def possible_cpus(guest: Guest) -> int:
    """The number of CPUs that the guest's kernel may ever have, by which per-CPU values are counted."""
    text = guest.call("read_file", path="/sys/devices/system/cpu/possible").decode("ascii")
    return int(text.strip().rpartition(",")[2].rpartition("-")[2]) + 1
