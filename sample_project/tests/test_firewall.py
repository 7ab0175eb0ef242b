"""The firewall at the edge: packets in; verdict, bytes and counters out."""

from __future__ import annotations

import pytest
from bindings import Action, Firewall, Rule
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from pytest_ebpf import XDP

HOST = "02:00:00:00:00:01"
PEER = "02:00:00:00:00:02"

DNS = UDP(sport=40000, dport=53) / Raw(b"a question of some length")


def frame(*, tags: int = 0) -> Ether:
    packet = Ether(src=PEER, dst=HOST)
    for vlan in range(tags):
        packet /= Dot1Q(vlan=100 + vlan)
    return packet


@pytest.fixture
def firewall(ebpf) -> Firewall:
    return ebpf.load(Firewall)


def test_passes_what_no_rule_is_about(firewall):
    result = firewall.programs.ingress.run(frame() / IP(src="192.0.2.1") / DNS)
    assert result.verdict == XDP.PASS
    assert firewall.maps.stats[0].packets == 1
    assert firewall.maps.stats[0].dropped == 0


def test_drops_a_blocked_network(firewall):
    firewall.maps.blocked["10.0.0.0/8"] = Rule(action=Action.DROP)
    result = firewall.programs.ingress.run(frame() / IP(src="10.1.2.3") / DNS)
    assert result.verdict == XDP.DROP
    assert firewall.maps.stats[0].dropped == 1
    assert firewall.maps.blocked["10.0.0.0/8"] == Rule(action=Action.DROP, hits=1)


def test_the_longest_prefix_decides(firewall):
    firewall.maps.blocked.update(
        {
            "10.0.0.0/8": Rule(action=Action.DROP),
            "10.1.0.0/16": Rule(action=Action.PASS),
            "10.1.2.3/32": Rule(action=Action.DROP),
        }
    )
    sources = ("10.9.9.9", "10.1.9.9", "10.1.2.3", "11.0.0.1")
    results = firewall.programs.ingress.run_many([frame() / IP(src=source) / DNS for source in sources])
    assert [result.verdict for result in results] == [XDP.DROP, XDP.PASS, XDP.DROP, XDP.PASS]


def test_blocks_ipv6_as_well(firewall):
    firewall.maps.blocked6["2001:db8:bad::/48"] = Rule(action=Action.DROP)
    run = firewall.programs.ingress.run
    assert run(frame() / IPv6(src="2001:db8:bad::1", dst="2001:db8::1") / DNS).verdict == XDP.DROP
    assert run(frame() / IPv6(src="2001:db8:900d::1", dst="2001:db8::1") / DNS).verdict == XDP.PASS


@pytest.mark.parametrize("tags", [0, 1, 2])
def test_looks_behind_vlan_tags(firewall, tags):
    firewall.maps.blocked["10.0.0.0/8"] = Rule(action=Action.DROP)
    assert firewall.programs.ingress.run(frame(tags=tags) / IP(src="10.0.0.1") / DNS).verdict == XDP.DROP


def test_looks_behind_extension_headers(firewall):
    firewall.maps.closed_ports[53] = 1
    packet = frame() / IPv6(src="2001:db8::2", dst="2001:db8::1") / IPv6ExtHdrHopByHop() / DNS
    assert firewall.programs.ingress.run(packet).verdict == XDP.DROP


def test_closes_ports_to_everyone(firewall):
    firewall.maps.closed_ports[23] = 1
    run = firewall.programs.ingress.run
    assert run(frame() / IP(src="192.0.2.1") / TCP(dport=23)).verdict == XDP.DROP
    assert run(frame() / IP(src="192.0.2.1") / UDP(dport=23)).verdict == XDP.DROP
    assert run(frame() / IP(src="192.0.2.1") / TCP(dport=22)).verdict == XDP.PASS


def test_drops_a_first_fragment_that_hides_its_port(firewall):
    tiny = frame() / IP(src="192.0.2.1", proto="udp", flags="MF") / Raw(b"\0\0")
    assert firewall.programs.ingress.run(tiny).verdict == XDP.DROP


def test_passes_later_fragments(firewall):
    firewall.maps.closed_ports[53] = 1
    run = firewall.programs.ingress.run
    assert run(frame() / IP(src="192.0.2.1", proto="udp", frag=100) / Raw(b"x" * 64)).verdict == XDP.PASS
    later = IPv6ExtHdrFragment(offset=100, nh=17) / Raw(b"x" * 64)
    assert run(frame() / IPv6(src="2001:db8::2", dst="2001:db8::1") / later).verdict == XDP.PASS


@pytest.mark.parametrize("length", [15, 20, 33, 34, 37])
def test_drops_headers_that_are_cut_short(firewall, length):
    whole = bytes(frame() / IP(src="192.0.2.1") / DNS)
    assert firewall.programs.ingress.run(whole[:length]).verdict == XDP.DROP


def test_leaves_other_protocols_alone(firewall):
    assert firewall.programs.ingress.run(frame() / ARP()).verdict == XDP.PASS


def test_answers_a_ping_from_a_source_that_may_ask(firewall):
    firewall.maps.blocked["198.51.100.0/24"] = Rule(action=Action.ANSWER)
    ping = (
        frame() / IP(src="198.51.100.7", dst="192.0.2.1", id=4) / ICMP(id=7, seq=3) / Raw(b"are you there?")
    )
    result = firewall.programs.ingress.run(ping)
    assert result.verdict == XDP.TX
    pong = (
        Ether(src=HOST, dst=PEER) / IP(src="192.0.2.1", dst="198.51.100.7", id=4) / ICMP(type=0, id=7, seq=3)
    )
    assert result.packet == Ether(bytes(pong / Raw(b"are you there?")))


def test_answers_a_ping_over_ipv6(firewall):
    firewall.maps.blocked6["2001:db8::/32"] = Rule(action=Action.ANSWER)
    ask = IPv6(src="2001:db8::2", dst="2001:db8::1") / ICMPv6EchoRequest(id=1, seq=2, data=b"hello")
    result = firewall.programs.ingress.run(frame() / ask)
    answer = IPv6(src="2001:db8::1", dst="2001:db8::2") / ICMPv6EchoReply(id=1, seq=2, data=b"hello")
    assert result.verdict == XDP.TX
    assert result.packet == Ether(bytes(Ether(src=HOST, dst=PEER) / answer))


def test_counts_each_source_on_its_own(firewall):
    packets = [frame() / IP(src=source) / DNS for source in ("192.0.2.1", "192.0.2.2", "192.0.2.1")]
    firewall.programs.ingress.run_many(packets)
    counts = {address: source.packets for address, source in firewall.maps.sources.items()}
    assert counts == {"192.0.2.1": 2, "192.0.2.2": 1}
    assert firewall.maps.sources["192.0.2.1"].bytes == 2 * len(packets[0])


def test_limits_the_rate_of_a_source(ebpf):
    firewall = ebpf.load(Firewall, globals={"rate_limit": 3})
    results = firewall.programs.ingress.run_many([frame() / IP(src="192.0.2.1") / DNS] * 5)
    verdicts = [result.verdict for result in results]
    assert verdicts == [XDP.PASS] * 3 + [XDP.DROP] * 2
    assert firewall.programs.ingress.run(frame() / IP(src="192.0.2.2") / DNS).verdict == XDP.PASS


def test_remembers_no_more_sources_than_it_was_given(ebpf):
    firewall = ebpf.load(Firewall, max_entries={"sources": 64})
    firewall.programs.ingress.run_many([frame() / IP(src=f"192.0.2.{host}") / DNS for host in range(200)])
    assert len(firewall.maps.sources) <= 64
