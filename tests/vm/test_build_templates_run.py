"""What the bodies that come with the package do, on every kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrHopByHop
from scapy.layers.l2 import Dot1Q, Ether

from pytest_ebpf import TC, XDP, objects
from pytest_ebpf.bpf import LoadedObject, LoadOptions, load
from pytest_ebpf.build import build
from pytest_ebpf.guest import Guest

MANIFEST = """
[project]
name = "bodies"
kernels = ["6.12"]
[types.counts]
struct = { packets = "u64", bytes = "u64" }
[maps.counters]
type = "array"
value = "counts"
max_entries = 256
[maps.v4]
type = "lpm_trie"
key = "ipv4_prefix"
value = "u8"
max_entries = 16
flags = ["no_prealloc"]
[maps.v6]
type = "lpm_trie"
key = "ipv6_prefix"
value = "u8"
max_entries = 16
flags = ["no_prealloc"]
[objects.block]
template = "xdp_block_list"
parameters = { blocked = "v4", blocked6 = "v6" }
programs.block = { hook = "xdp" }
[objects.count]
template = "xdp_count"
parameters = { counters = "counters" }
programs.count_all = { hook = "xdp" }
[objects.mark]
template = "tc_mark"
parameters = { mark = 7, ports = [53] }
programs.mark_dns = { hook = "tc" }
[objects.usage]
template = "cgroup_count"
parameters = { counters = "counters" }
programs.received = { hook = "cgroup_skb/ingress" }
programs.sent = { hook = "cgroup_skb/egress" }
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, machines: object) -> dict[str, Path]:
    manifest = tmp_path_factory.mktemp("bodies") / "ebpf.toml"
    manifest.write_text(MANIFEST)
    store = machines.store  # type: ignore[attr-defined]
    result = build(manifest, kernel_btf=lambda spec: store.get(spec).btf)
    return {each.name: each.path for each in result.objects}


@pytest.fixture
def loaded(guest: Guest, built: dict[str, Path]) -> Callable[[str], LoadedObject]:
    def get(name: str) -> LoadedObject:
        path = built[name]
        facts = objects.read_object(path)
        return load(guest, path.read_bytes(), facts, name=name, options=LoadOptions(), bindings={})

    return get


def test_the_block_list_drops_by_source(loaded: Callable[[str], LoadedObject]) -> None:
    block = loaded("block")
    block.maps.v4["10.0.0.0/8"] = 1
    block.maps.v6["2001:db8::/32"] = 1
    run = block.programs.block.run
    assert run(Ether() / IP(src="10.1.2.3") / UDP()).verdict == XDP.DROP
    assert run(Ether() / Dot1Q(vlan=7) / IP(src="10.1.2.3") / UDP()).verdict == XDP.DROP
    assert run(Ether() / IPv6(src="2001:db8::1") / UDP()).verdict == XDP.DROP
    assert run(Ether() / IP(src="11.1.2.3") / UDP()).verdict == XDP.PASS
    assert run(Ether() / IPv6(src="2001:db9::1") / UDP()).verdict == XDP.PASS
    assert run(Ether(type=0x0800) / b"\x45short").verdict == XDP.DROP


def test_packets_are_counted_by_protocol(loaded: Callable[[str], LoadedObject]) -> None:
    count = loaded("count")
    packets = [
        Ether() / IP() / UDP(),
        Ether() / IPv6() / UDP(),
        Ether() / IPv6() / IPv6ExtHdrHopByHop() / TCP(),
    ]
    assert {result.verdict for result in count.programs.count_all.run_many(packets)} == {XDP.PASS}
    assert count.maps.counters[17] == {"packets": 2, "bytes": len(packets[0]) + len(packets[1])}
    assert count.maps.counters[6] == {"packets": 1, "bytes": len(packets[2])}


def test_packets_to_some_ports_are_marked(loaded: Callable[[str], LoadedObject]) -> None:
    run = loaded("mark").programs.mark_dns.run
    for packet, mark in [
        (Ether() / IP() / UDP(dport=53), 7),
        (Ether() / IPv6() / TCP(dport=53), 7),
        (Ether() / IP() / UDP(dport=54), 0),
        (Ether() / IP(frag=4) / UDP(dport=53), 0),
    ]:
        result = run(packet)
        assert result.verdict == TC.OK
        assert result.context is not None
        assert result.context["mark"] == mark


def test_each_direction_is_counted_on_its_own(loaded: Callable[[str], LoadedObject]) -> None:
    usage = loaded("usage")
    usage.programs.received.run(Ether() / IP() / UDP())
    usage.programs.sent.run(Ether() / IP() / UDP() / b"data")
    usage.programs.sent.run(Ether() / IP() / UDP() / b"data")
    assert usage.maps.counters[0] == {"packets": 1, "bytes": 28}
    assert usage.maps.counters[1] == {"packets": 2, "bytes": 64}
