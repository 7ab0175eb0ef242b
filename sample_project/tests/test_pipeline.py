"""The chain of tail calls: each stage, and a chain that is cut."""

from __future__ import annotations

import pytest
from bindings import Counters, Pipeline, Stage
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from pytest_ebpf import XDP

UDP_PACKET = Ether() / IP(src="192.0.2.1") / UDP(dport=53) / Raw(b"x" * 22)
TCP_PACKET = Ether() / IP(src="192.0.2.1") / TCP(dport=80) / Raw(b"x" * 22)


@pytest.fixture
def pipeline(ebpf) -> Pipeline:
    loaded = ebpf.load(Pipeline)
    loaded.maps.stages[Stage.FILTER] = loaded.programs.filter
    loaded.maps.stages[Stage.COUNT] = loaded.programs.count
    return loaded


def test_every_stage_is_reached(pipeline):
    pipeline.programs.parse.run_many([UDP_PACKET, TCP_PACKET, UDP_PACKET])
    by_protocol = pipeline.maps.by_protocol
    assert by_protocol[17].sum() == Counters(packets=2, bytes=2 * len(UDP_PACKET))
    assert by_protocol[6].sum() == Counters(packets=1, bytes=len(TCP_PACKET))


def test_the_filter_ends_the_chain(pipeline):
    pipeline.maps.closed_ports[53] = 1
    assert pipeline.programs.parse.run(UDP_PACKET).verdict == XDP.DROP
    assert pipeline.programs.parse.run(TCP_PACKET).verdict == XDP.PASS
    assert pipeline.maps.by_protocol[17].sum().packets == 0


def test_a_stage_that_is_not_there_ends_the_chain(pipeline):
    del pipeline.maps.stages[Stage.COUNT]
    assert pipeline.programs.parse.run(UDP_PACKET).verdict == XDP.PASS
    assert pipeline.maps.by_protocol[17].sum().packets == 0


def test_what_has_no_port_has_none(pipeline):
    pipeline.maps.closed_ports[53] = 1
    pipeline.programs.parse.run(UDP_PACKET)
    assert pipeline.programs.parse.run(Ether() / IP() / ICMP() / Raw(b"x" * 32)).verdict == XDP.PASS


def test_stages_can_be_tested_by_themselves(pipeline):
    assert pipeline.programs.count.run(TCP_PACKET).verdict == XDP.PASS
