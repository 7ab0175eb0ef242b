"""The load balancer, on the wire: what a client sends comes back out of the card, for one of the backends."""

from __future__ import annotations

from collections import Counter

import pytest
from bindings import Balancer, Pool, Vip
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

VIP = "192.0.2.80"
CLIENT = "02:00:00:00:00:aa"
BACKENDS = [f"02:00:00:00:be:0{number}" for number in range(4)]


@pytest.fixture
def balancer(ebpf) -> Balancer:
    """Serve web pages at VIP from four backends, all of them healthy."""
    balancer = ebpf.load(Balancer)
    balancer.maps.pools[Vip(address=VIP, port=80, protocol=6)] = Pool(first=0, backends=len(BACKENDS))
    for number, mac in enumerate(BACKENDS):
        balancer.maps.backends[number] = mac
        balancer.maps.healthy[number] = True
    balancer.attach()
    return balancer


def request(wire, *, flow: int = 0, port: int = 80) -> Packet:
    ip = IP(src=f"198.51.100.{flow % 250}", dst=VIP)
    return Ether(src=CLIENT, dst=wire.mac) / ip / TCP(sport=1024 + flow, dport=port) / Raw(b"GET /")


def backends_of(wire, flows: range) -> list[str]:
    """Send a packet of each flow, and return for each the backend that gets it."""
    answers = wire.exchange([request(wire, flow=flow) for flow in flows])
    return [Ether(answer).dst for answer in answers]


def test_sends_a_request_to_a_backend(ebpf, balancer):
    wire = ebpf.wire
    sent = request(wire)
    (answer,) = wire.exchange([sent])
    forwarded = Ether(answer)
    assert forwarded.dst in BACKENDS
    assert forwarded.src == wire.mac
    assert bytes(forwarded.payload) == bytes(sent.payload)


def test_a_flow_stays_with_its_backend(ebpf, balancer):
    wire = ebpf.wire
    answers = wire.exchange([request(wire, flow=7)] * 20)
    assert len(answers) == 20
    assert len({Ether(answer).dst for answer in answers}) == 1


def test_flows_are_spread_over_all_backends(ebpf, balancer):
    spread = Counter(backends_of(ebpf.wire, range(400)))
    assert sorted(spread) == BACKENDS
    assert min(spread.values()) > 70


def test_counts_what_each_backend_gets(ebpf, balancer):
    spread = Counter(backends_of(ebpf.wire, range(40)))
    served = {mac: balancer.maps.served[number].sum() for number, mac in enumerate(BACKENDS)}
    assert {mac: counters.packets for mac, counters in served.items()} == spread
    assert sum(counters.bytes for counters in served.values()) == 40 * len(request(ebpf.wire))


def test_moves_only_the_flows_of_a_backend_that_failed(ebpf, balancer):
    before = backends_of(ebpf.wire, range(100))
    balancer.maps.healthy[2] = False
    after = backends_of(ebpf.wire, range(100))
    assert BACKENDS[2] in before
    assert BACKENDS[2] not in after
    moved = {old for old, new in zip(before, after, strict=True) if old != new}
    assert moved == {BACKENDS[2]}


def test_gives_the_flows_back_to_a_backend_that_recovered(ebpf, balancer):
    before = backends_of(ebpf.wire, range(100))
    balancer.maps.healthy[2] = False
    backends_of(ebpf.wire, range(100))
    balancer.maps.healthy[2] = True
    assert backends_of(ebpf.wire, range(100)) == before


def test_drops_what_no_backend_can_answer(ebpf, balancer):
    balancer.maps.healthy.clear()
    assert ebpf.wire.exchange([request(ebpf.wire)] * 5) == []


def test_leaves_other_services_to_the_stack(ebpf, balancer):
    wire = ebpf.wire
    ebpf.guest.device("eth0").add_address(f"{VIP}/24").add_neighbour("192.0.2.1", CLIENT)
    frame = Ether(src=CLIENT, dst=wire.mac) / IP(src="192.0.2.1", dst=VIP)
    pong = wire.sr1(frame / ICMP(id=1, seq=1))
    assert pong[ICMP].type == 0
    reset = wire.sr1(frame / TCP(sport=1024, dport=22))
    assert reset[TCP].flags == "RA"


def test_tcp_and_udp_are_different_services(ebpf, balancer):
    wire = ebpf.wire
    query = Ether(src=CLIENT, dst=wire.mac) / IP(src="198.51.100.1", dst=VIP) / UDP(sport=1024, dport=80)
    assert wire.exchange([query]) == []
    assert len(wire.exchange([request(wire)])) == 1


def test_is_attached_to_the_driver_itself(balancer):
    balancer.detach()
    assert balancer.programs.balance.attach().mode == "native"


def test_every_frame_can_be_captured(ebpf, balancer, tmp_path):
    wire = ebpf.wire
    with wire.capture() as capture:
        wire.exchange([request(wire, flow=flow) for flow in range(3)])
    assert [packet.dst in BACKENDS for packet in capture.packets] == [True] * 3
    capture.write_pcap(tmp_path / "balanced.pcap")
