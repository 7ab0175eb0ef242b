"""The accountant of a cgroup: each way counted on its own, and no byte beyond the quota."""

from __future__ import annotations

from bindings import Accountant, Counters, Direction
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from pytest_ebpf import CGROUP

PACKET = Ether() / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=2) / Raw(b"x" * 72)

#: These programs see a packet from its IP header on: 20 + 8 + 72 bytes.
LENGTH = 100


def test_counts_each_way(ebpf):
    accountant = ebpf.load(Accountant)
    accountant.programs.received.run_many([PACKET] * 3)
    assert accountant.programs.sent.run(PACKET).verdict == CGROUP.PASS
    assert accountant.maps.usage[Direction.RECEIVED] == Counters(packets=3, bytes=3 * LENGTH)
    assert accountant.maps.usage[Direction.SENT] == Counters(packets=1, bytes=LENGTH)


def test_drops_what_is_over_the_quota(ebpf):
    accountant = ebpf.load(Accountant, globals={"quota": 2 * LENGTH})
    results = accountant.programs.sent.run_many([PACKET] * 4)
    assert [result.verdict for result in results] == [CGROUP.PASS] * 2 + [CGROUP.DROP] * 2
    assert accountant.maps.usage[Direction.SENT] == Counters(packets=2, bytes=2 * LENGTH, dropped=2)


def test_counts_repeated_runs_of_one_packet(ebpf):
    accountant = ebpf.load(Accountant)
    accountant.programs.received.run(PACKET, repeat=50)
    assert accountant.maps.usage[Direction.RECEIVED].packets == 50
