"""Maps as tests see them: one class for each way a map is used."""

from pytest_ebpf.bpf.maps.arena import Arena
from pytest_ebpf.bpf.maps.arrays import ArrayMap
from pytest_ebpf.bpf.maps.base import Map, MapInfo, MapSpec
from pytest_ebpf.bpf.maps.descriptors import CpuMap, DescriptorMap, DevMap, Target
from pytest_ebpf.bpf.maps.events import (
    EventMap,
    LostEventsError,
    NoRecordError,
    PerfEventArray,
    RingBuffer,
)
from pytest_ebpf.bpf.maps.holders import MapOfMaps, ProgArray
from pytest_ebpf.bpf.maps.keyed import HashMap, KeyedMap, LpmTrie
from pytest_ebpf.bpf.maps.kinds import MapMaker
from pytest_ebpf.bpf.maps.percpu import PerCpu, PerCpuArrayMap, PerCpuHashMap
from pytest_ebpf.bpf.maps.rings import UserRingBuffer
from pytest_ebpf.bpf.maps.storage import Storage
from pytest_ebpf.bpf.maps.streams import BloomFilter, QueueMap
from pytest_ebpf.bpf.maps.struct_ops import StructOpsMap
from pytest_ebpf.bpf.maps.traces import StackTraces

__all__ = [
    "Arena",
    "ArrayMap",
    "BloomFilter",
    "CpuMap",
    "DescriptorMap",
    "DevMap",
    "EventMap",
    "HashMap",
    "KeyedMap",
    "LostEventsError",
    "LpmTrie",
    "Map",
    "MapInfo",
    "MapMaker",
    "MapOfMaps",
    "MapSpec",
    "NoRecordError",
    "PerCpu",
    "PerCpuArrayMap",
    "PerCpuHashMap",
    "PerfEventArray",
    "ProgArray",
    "QueueMap",
    "RingBuffer",
    "StackTraces",
    "Storage",
    "StructOpsMap",
    "Target",
    "UserRingBuffer",
]
