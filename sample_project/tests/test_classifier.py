"""The classifier: what it rewrites, what it marks, what it leaves alone."""

from __future__ import annotations

import pytest
from bindings import Classifier, Marker, Service
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from pytest_ebpf import TC

WEB = Service(port=8080, host="02:00:00:00:00:99", dscp=46, mark=7, priority=3)

FRAME = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
PACKET = FRAME / IP(src="192.0.2.1", dst="192.0.2.9", id=1)


@pytest.fixture
def classifier(ebpf) -> Classifier:
    loaded = ebpf.load(Classifier)
    loaded.maps.services[80] = WEB
    return loaded


@pytest.mark.parametrize("layer", [TCP, UDP])
def test_sends_a_service_on_with_right_checksums(classifier, layer):
    result = classifier.programs.classify.run(PACKET / layer(sport=4000, dport=80) / Raw(b"GET /"))
    expected = (
        Ether(src=FRAME.src, dst=WEB.host)
        / IP(src="192.0.2.1", dst="192.0.2.9", id=1, tos=46 << 2)
        / layer(sport=4000, dport=8080)
        / Raw(b"GET /")
    )
    assert result.verdict == TC.OK
    assert result.packet == Ether(bytes(expected))


def test_a_udp_packet_without_checksum_stays_without(classifier):
    result = classifier.programs.classify.run(PACKET / UDP(sport=4000, dport=80, chksum=0) / Raw(b"x" * 8))
    assert (result.packet[UDP].dport, result.packet[UDP].chksum) == (8080, 0)


def test_keeps_congestion_marks(classifier):
    packet = FRAME / IP(src="192.0.2.1", dst="192.0.2.9", tos=0b11) / TCP(dport=80)
    assert classifier.programs.classify.run(packet).packet[IP].tos == 46 << 2 | 0b11


def test_marks_for_routing_and_queueing(classifier):
    result = classifier.programs.classify.run(PACKET / TCP(dport=80), context={"mark": 1})
    assert (result.context.mark, result.context.priority) == (7, 3)


@pytest.mark.parametrize(
    "packet",
    [
        PACKET / TCP(dport=81),
        PACKET / UDP(dport=8080),
        FRAME / IP(src="192.0.2.1", dst="192.0.2.9", proto="tcp", frag=10) / Raw(b"\0\0\0\x50" * 8),
        FRAME / IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(dport=80),
    ],
    ids=["other port", "other protocol", "later fragment", "ipv6"],
)
def test_leaves_all_else_alone(classifier, packet):
    result = classifier.programs.classify.run(packet)
    assert result.verdict == TC.OK
    assert result.data == bytes(packet)


def test_a_template_marks_by_port(ebpf):
    marker = ebpf.load(Marker)
    dns, web = (PACKET / UDP(dport=port) / Raw(b"x" * 32) for port in (53, 80))
    assert marker.programs.mark_dns.run(dns).context.mark == 7
    assert marker.programs.mark_dns.run(web).context.mark == 0
