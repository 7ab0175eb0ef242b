"""How each type of map is declared, and what a test does with it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_ebpf.bpf import LoadedObject, PerCpu, Target
from pytest_ebpf.errors import GuestError
from pytest_ebpf.system import System, cgroups
from pytest_ebpf.uapi import MapType

HEAD = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
struct pair { __u32 a; __u32 b; };
struct place { __u32 orig_off; __u32 xlated_off; __u32 jitted_off; __u32 :32; };
"""

FRAME = bytes(64)


@dataclass(frozen=True)
class Case:
    """How a type is declared, and what a test does with it. *code* is a program that it needs."""

    members: str
    use: Callable[[Any, Place], None]
    code: str = ""
    flags: tuple[str, ...] = ()

    def source(self, kind: MapType) -> str:
        declared = f'struct {{ __uint(type, {int(kind)}); {self.members} }} m SEC(".maps");'
        return f"{HEAD}{declared}\n{self.code}"


class Place:
    """Where a map is used: its object, and what the guest has beside it."""

    def __init__(self, loaded: LoadedObject, system: System) -> None:
        self.loaded = loaded
        self.system = system

    def udp(self) -> Any:
        return self.system.process_self.udp(("127.0.0.1", 0))

    def run(self) -> Any:
        return self.loaded.programs.p.run(FRAME)


def keyed(m: Any, place: Place) -> None:
    m.update({1: {"a": 1, "b": 2}, 2: {"a": 3}})
    assert dict(m) == {1: {"a": 1, "b": 2}, 2: {"a": 3, "b": 0}}
    del m[1]
    assert list(m) == [2]


def listed(m: Any, place: Place) -> None:
    m[1] = {"a": 1, "b": 2}
    assert list(m) == [{"a": 0, "b": 0}, {"a": 1, "b": 2}]


def per_cpu_keyed(m: Any, place: Place) -> None:
    m[1] = PerCpu([{"a": 1}, {"a": 2, "b": 3}])
    assert m[1].sum() == {"a": 3, "b": 3}
    assert dict(m) == {1: [{"a": 1, "b": 0}, {"a": 2, "b": 3}]}


def per_cpu_listed(m: Any, place: Place) -> None:
    m[0] = {"a": 1}
    assert [each.sum().a for each in m] == [2, 0]


def prefixes(m: Any, place: Place) -> None:
    m["10.0.0.0/8"] = {"a": 1}
    assert m["10.1.2.3"].a == 1
    assert dict(m) == {"10.0.0.0/8": {"a": 1, "b": 0}}


def programs(m: Any, place: Place) -> None:
    m[1] = place.loaded.programs.p
    assert dict(m) == {1: place.loaded.programs.p}


def of_maps(m: Any, place: Place) -> None:
    inner = m.create()
    inner[5] = 7
    m[1] = inner
    assert m[1][5] == 7


def in_and_out(m: Any, place: Place) -> None:
    m.push({"a": 1})
    assert m.drain() == [{"a": 1, "b": 0}]


def maybe_in(m: Any, place: Place) -> None:
    m.add({"a": 1})
    assert {"a": 1} in m
    assert {"a": 2} not in m


def events(m: Any, place: Place) -> None:
    place.run()
    assert m.of("pair").next() == {"a": 1, "b": 2}


def samples(m: Any, place: Place) -> None:
    m.of("pair").send_many([{"a": 1}, {"a": 2}])
    m.of("pair").send({"a": 4})
    assert place.loaded.programs.p.run().retval == 0
    assert place.loaded.globals.total == 7
    with pytest.raises(GuestError) as caught:
        m.send_many([bytes(1000)] * 5)
    assert str(caught.value) == (
        "maps.m: the ring is full (4096 bytes): 4 of 5 samples went in; "
        "run the program that takes them, or raise max_entries"
    )


def stacks(m: Any, place: Place) -> None:
    number = place.loaded.programs.p.run(context=[]).retval
    assert list(m) == [number]
    assert all(address >> 63 for address in m[number])


def sockets_by_place(m: Any, place: Place) -> None:
    one = place.udp()
    m[1] = one
    assert m[1] == one.cookie
    assert 0 not in m
    assert dict(m) == {1: one.cookie}
    del m[1]
    assert dict(m) == {}


def reuseport(m: Any, place: Place) -> None:
    one = place.system.process_self.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind(("127.0.0.1", 0))
    m[1] = one
    assert dict(m) == {1: one.cookie}


def express(m: Any, place: Place) -> None:
    af_xdp, sol_xdp, xdp_rx_ring = 44, 283, 2
    one = place.system.process_self.socket(af_xdp, socket.SOCK_RAW)
    one.setsockopt(sol_xdp, xdp_rx_ring, 64)
    m[1] = one
    with pytest.raises(GuestError) as caught:
        _ = m[1]
    assert caught.value.what == "the kernel does not tell what this map holds"
    del m[1]


def groups(m: Any, place: Place) -> None:
    with cgroups.make(place.system.guest, place.system.process_self, "all-types") as group:
        m[1] = group
        assert place.run().retval in (0, 1)
        del m[1]


def devices(m: Any, place: Place) -> None:
    m[1] = "lo"
    assert dict(m) == {1: Target(1)}
    m[1] = 1, place.loaded.programs.behind
    assert m[1] == Target(1, place.loaded.programs.behind.id)
    del m[1]
    assert 1 not in m
    with pytest.raises(GuestError) as caught:
        m[1] = "eth7"
    assert str(caught.value) == 'maps.m: the guest has no network device "eth7"'


def processors(m: Any, place: Place) -> None:
    m[0] = 192
    assert dict(m) == {0: Target(192)}
    m[0] = 64, place.loaded.programs.behind
    assert m[0] == Target(64, place.loaded.programs.behind.id)
    del m[0]
    assert dict(m) == {}


def with_sockets(m: Any, place: Place) -> None:
    one, other = place.udp(), place.udp()
    _kept_with(m, one, other)


def with_tasks(m: Any, place: Place) -> None:
    process = place.system.process()
    _kept_with(m, process, 1)
    m[process.pid] = {"a": 2}
    assert m[process].a == 2


def with_files(m: Any, place: Place) -> None:
    _kept_with(m, "/init", "/proc")


def with_groups(m: Any, place: Place) -> None:
    process = place.system.process_self
    with cgroups.make(place.system.guest, process, "all-types") as group:
        _kept_with(m, group, os.path.dirname(group.path))  # noqa: PTH120  # of the guest


def _kept_with(m: Any, one: Any, other: Any) -> None:
    m[one] = {"a": 1, "b": 2}
    assert m[one] == {"a": 1, "b": 2}
    assert one in m
    assert other not in m
    assert m.get(other) is None
    with pytest.raises(KeyError):
        _ = m[other]
    with pytest.raises(TypeError):
        iter(m)
    del m[one]
    assert one not in m


def by_group(m: Any, place: Place) -> None:
    process = place.system.process_self
    with cgroups.make(place.system.guest, process, "all-types") as group:
        key = {"cgroup_inode_id": group.id, "attach_type": 0}
        assert key not in m
        with place.loaded.programs.p.attach(cgroup=group):
            m[key] = {"a": 1}
            assert list(m) == [key]
            value = m[key]
            assert (value.sum() if isinstance(value, PerCpu) else value).a in (1, 2)


def memory(m: Any, place: Place) -> None:
    add = place.loaded.programs.p
    assert [add.run().retval for _ in range(2)] == [0, 0]
    assert (place.loaded.globals.count, place.loaded.globals.limit) == (2, 7)
    node = m.get(m.offset(place.loaded.globals.head), "node")
    assert node.number == 9
    assert m.get(m.offset(node.next), "node") == {"number": 8, "next": 0}
    place.loaded.globals.limit = 100
    add.run()
    last = m.offset(place.loaded.globals.head)
    assert m.get(last, "node").number == 103
    m.put(last, "node", {"number": 1})
    assert m.read(last, 16) == b"\1" + bytes(15)
    with pytest.raises(GuestError, match="are not in an arena of 65536"):
        m.read(65530, 8)


def instructions(m: Any, place: Place) -> None:
    m[1] = {"orig_off": 1}
    assert [each.orig_off for each in m] == [0, 1]


PAIRS = "__type(key, __u32); __type(value, struct pair); __uint(max_entries, 4);"
TWO = "__type(key, __u32); __type(value, struct pair); __uint(max_entries, 2);"
NO_PREALLOC = "__uint(map_flags, BPF_F_NO_PREALLOC);"
FOURS = "__uint(key_size, 4); __uint(value_size, 4); __uint(max_entries, 4);"
EIGHTS = "__type(key, __u32); __type(value, __u64); __uint(max_entries, 4);"
KEPT = f"__type(key, int); __type(value, struct pair); {NO_PREALLOC}"
STREAM = "__uint(max_entries, 4096);"
PASS = 'SEC("xdp") int p(void *ctx) { return XDP_PASS; }'
BEHIND = """
struct both { __u32 number; __u32 program; };
SEC("xdp/%s") int behind(struct xdp_md *ctx) { return XDP_PASS; }
"""
BOTH = "__type(key, __u32); __uint(value_size, 8); __uint(max_entries, 2);"
INNER = """
__type(key, __u32); __uint(max_entries, 4); __array(values, struct {
	__uint(type, BPF_MAP_TYPE_HASH); __type(key, __u32); __type(value, __u32); __uint(max_entries, 4); });
"""
STORED = """
__type(key, struct bpf_cgroup_storage_key); __type(value, struct pair);
"""
STORES = """
SEC("cgroup_skb/ingress") int p(struct __sk_buff *skb)
{ struct pair *pair = bpf_get_local_storage(&m, 0); pair->b++; return 1; }
"""
DRAINS = """
static long (*drain)(void *map, void *callback, void *ctx, __u64 flags) = (void *)209;
static long (*copy)(void *to, __u32 len, void *dynptr, __u32 from, __u64 flags) = (void *)201;
__u64 total;
static long each(void *dynptr, void *ctx)
{ struct pair pair; if (!copy(&pair, sizeof(pair), dynptr, 0, 0)) total += pair.a; return 0; }
SEC("syscall") int p(void *ctx) { drain(&m, each, 0, 0); return 0; }
struct pair *type_of_samples;
"""
ARENA = """
#define __arena __attribute__((address_space(1)))
void __arena *bpf_arena_alloc_pages(void *map, void __arena *addr, __u32 pages, int node, __u64 flags) __ksym;
struct node { __u64 number; struct node __arena *next; };
struct node __arena *head;
__u64 __arena count SEC(".addr_space.1");
__u64 __arena limit SEC(".addr_space.1") = 7;
SEC("syscall") int p(void *ctx)
{
	struct node __arena *node = bpf_arena_alloc_pages(&m, 0, 1, -1, 0);

	if (!node)
		return 1;
	node->number = ++count + limit;
	node->next = head;
	head = node;
	return 0;
}
"""

CASES: dict[MapType, Case] = {
    MapType.HASH: Case(PAIRS, keyed),
    MapType.ARRAY: Case(TWO, listed),
    MapType.PROG_ARRAY: Case(FOURS, programs, PASS),
    MapType.PERF_EVENT_ARRAY: Case(
        "__uint(key_size, 4); __uint(value_size, 4);",
        events,
        'SEC("xdp") int p(void *ctx) { struct pair pair = { 1, 2 };'
        " return bpf_perf_event_output(ctx, &m, BPF_F_CURRENT_CPU, &pair, sizeof(pair)); }"
        " struct pair *type_of_events;",
    ),
    MapType.PERCPU_HASH: Case(PAIRS, per_cpu_keyed),
    MapType.PERCPU_ARRAY: Case(TWO, per_cpu_listed),
    MapType.STACK_TRACE: Case(
        "__uint(key_size, 4); __uint(value_size, 8 * 32); __uint(max_entries, 4);",
        stacks,
        'SEC("raw_tp/task_rename") int p(void *ctx) { return bpf_get_stackid(ctx, &m, 0); }',
    ),
    MapType.CGROUP_ARRAY: Case(
        FOURS, groups, 'SEC("tc") int p(struct __sk_buff *skb) { return bpf_skb_under_cgroup(skb, &m, 1); }'
    ),
    MapType.LRU_HASH: Case(PAIRS.replace("4)", "64)"), keyed),
    MapType.LRU_PERCPU_HASH: Case(PAIRS.replace("4)", "64)"), per_cpu_keyed),
    MapType.LPM_TRIE: Case(
        "__uint(key_size, 8); __type(value, struct pair); __uint(max_entries, 4);" + NO_PREALLOC, prefixes
    ),
    MapType.ARRAY_OF_MAPS: Case(INNER, of_maps),
    MapType.HASH_OF_MAPS: Case(INNER, of_maps),
    MapType.DEVMAP: Case(BOTH, devices, BEHIND % "devmap"),
    MapType.SOCKMAP: Case(EIGHTS, sockets_by_place),
    MapType.CPUMAP: Case(BOTH, processors, BEHIND % "cpumap"),
    MapType.XSKMAP: Case(FOURS, express),
    MapType.SOCKHASH: Case(EIGHTS, sockets_by_place),
    MapType.CGROUP_STORAGE: Case(STORED, by_group, STORES),
    MapType.REUSEPORT_SOCKARRAY: Case(EIGHTS, reuseport),
    MapType.PERCPU_CGROUP_STORAGE: Case(STORED, by_group, STORES),
    MapType.QUEUE: Case("__type(value, struct pair); __uint(max_entries, 4);", in_and_out),
    MapType.STACK: Case("__type(value, struct pair); __uint(max_entries, 4);", in_and_out),
    MapType.SK_STORAGE: Case(KEPT, with_sockets),
    MapType.DEVMAP_HASH: Case(BOTH, devices, BEHIND % "devmap"),
    MapType.RINGBUF: Case(
        STREAM,
        events,
        'SEC("xdp") int p(void *ctx) { struct pair pair = { 1, 2 };'
        " return bpf_ringbuf_output(&m, &pair, sizeof(pair), 0); } struct pair *type_of_events;",
    ),
    MapType.INODE_STORAGE: Case(KEPT, with_files),
    MapType.TASK_STORAGE: Case(KEPT, with_tasks),
    MapType.BLOOM_FILTER: Case("__type(value, struct pair); __uint(max_entries, 4);", maybe_in),
    MapType.USER_RINGBUF: Case(STREAM, samples, DRAINS),
    MapType.CGRP_STORAGE: Case(KEPT, with_groups),
    MapType.ARENA: Case(
        "__uint(map_flags, BPF_F_MMAPABLE); __uint(max_entries, 16);", memory, ARENA, ("-mcpu=v4",)
    ),
    MapType.INSN_ARRAY: Case(
        "__type(key, __u32); __type(value, struct place); __uint(max_entries, 2);", instructions
    ),
    MapType.RHASH: Case(PAIRS + NO_PREALLOC, keyed),
}

#: A congestion control; what the kernel's struct has beside these members is zero.
OPERATIONS = """
struct tcp_congestion_ops {
	__u32 (*ssthresh)(void *sk);
	void (*cong_avoid)(void *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(void *sk);
	char name[16];
};
SEC("struct_ops/threshold") __u32 threshold(unsigned long long *ctx) { return 2; }
SEC("struct_ops/avoid") int avoid(unsigned long long *ctx) { return 0; }
SEC("struct_ops/undo") __u32 undo(unsigned long long *ctx) { return 2; }
SEC(".struct_ops") struct tcp_congestion_ops edge = {
	.ssthresh = (void *)threshold, .cong_avoid = (void *)avoid, .undo_cwnd = (void *)undo, .name = "edge",
};
"""

#: struct_ops, whose maps are variables of a section of their own, have a test of their own.
APART = {MapType.UNSPEC, MapType.STRUCT_OPS}
