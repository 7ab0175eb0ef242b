"""What a test holds: loaded objects, their programs and their maps."""

from pytest_ebpf.bpf.attaching.links import Link, LinkInfo
from pytest_ebpf.bpf.globals import Globals
from pytest_ebpf.bpf.identity import ProgramInfo
from pytest_ebpf.bpf.loaded import LoadedObject, Maps, Programs
from pytest_ebpf.bpf.loading.load import load
from pytest_ebpf.bpf.loading.options import LoadOptions
from pytest_ebpf.bpf.maps import (
    Arena,
    ArrayMap,
    BloomFilter,
    CpuMap,
    DescriptorMap,
    DevMap,
    HashMap,
    KeyedMap,
    LostEventsError,
    LpmTrie,
    Map,
    MapInfo,
    MapOfMaps,
    NoRecordError,
    PerCpu,
    PerCpuArrayMap,
    PerCpuHashMap,
    PerfEventArray,
    ProgArray,
    QueueMap,
    RingBuffer,
    StackTraces,
    Storage,
    StructOpsMap,
    Target,
    UserRingBuffer,
)
from pytest_ebpf.bpf.program import Program
from pytest_ebpf.bpf.running.result import Result
from pytest_ebpf.bpf.running.testrun import RunFlag
from pytest_ebpf.bpf.trace import Message
from pytest_ebpf.values.by_btf import Bindings, Values, bindings_of
from pytest_ebpf.values.record import Record, equal_fields, hash_fields

__all__ = [
    "Arena",
    "ArrayMap",
    "Bindings",
    "BloomFilter",
    "CpuMap",
    "DescriptorMap",
    "DevMap",
    "Globals",
    "HashMap",
    "KeyedMap",
    "Link",
    "LinkInfo",
    "LoadOptions",
    "LoadedObject",
    "LostEventsError",
    "LpmTrie",
    "Map",
    "MapInfo",
    "MapOfMaps",
    "Maps",
    "Message",
    "NoRecordError",
    "PerCpu",
    "PerCpuArrayMap",
    "PerCpuHashMap",
    "PerfEventArray",
    "ProgArray",
    "Program",
    "ProgramInfo",
    "Programs",
    "QueueMap",
    "Record",
    "Result",
    "RingBuffer",
    "RunFlag",
    "StackTraces",
    "Storage",
    "StructOpsMap",
    "Target",
    "UserRingBuffer",
    "Values",
    "bindings_of",
    "equal_fields",
    "hash_fields",
    "load",
]
