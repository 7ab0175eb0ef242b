"""Maps as tests see them: one class for each way a map is used."""

from pytest_ebpf.bpf.maps.arrays import ArrayMap
from pytest_ebpf.bpf.maps.base import Map, MapSpec
from pytest_ebpf.bpf.maps.holders import MapOfMaps, ProgArray
from pytest_ebpf.bpf.maps.keyed import HashMap, KeyedMap, LpmTrie
from pytest_ebpf.bpf.maps.kinds import MapMaker
from pytest_ebpf.bpf.maps.percpu import PerCpu, PerCpuArrayMap, PerCpuHashMap
from pytest_ebpf.bpf.maps.streams import BloomFilter, NoRecordError, QueueMap, RingBuffer

__all__ = [
    "ArrayMap",
    "BloomFilter",
    "HashMap",
    "KeyedMap",
    "LpmTrie",
    "Map",
    "MapMaker",
    "MapOfMaps",
    "MapSpec",
    "NoRecordError",
    "PerCpu",
    "PerCpuArrayMap",
    "PerCpuHashMap",
    "ProgArray",
    "QueueMap",
    "RingBuffer",
]
