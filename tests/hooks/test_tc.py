"""Traffic control: classifiers on a device's way in and out, by clsact, tcx and netkit."""

from __future__ import annotations

import socket

import pytest
from pair import Pair
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from pytest_ebpf.session.ebpf import Ebpf

FRAME = Ether(src="02:00:00:00:00:99", dst="ff:ff:ff:ff:ff:ff", type=0x88B5) / b"frame"
SIGNED = Ether(src="02:00:00:00:00:42", dst="ff:ff:ff:ff:ff:ff", type=0x88B5) / b"frame"


@pytest.mark.hook("tc, ingress")
def test_ingress(ebpf: Ebpf) -> None:
    ebpf.load("tc").programs.send_back.attach()
    assert ebpf.wire.exchange([FRAME]) == [bytes(FRAME)]


@pytest.mark.hook("tc, egress")
def test_egress(ebpf: Ebpf) -> None:
    ebpf.load("tc").programs.sign.attach()
    sender = ebpf.guest.process().socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.sendto(bytes(FRAME), ("eth0", 0x88B5))
    assert ebpf.wire.expect() == SIGNED


@pytest.mark.hook("tc, ingress")
def test_several_by_priority(ebpf: Ebpf) -> None:
    tc = ebpf.load("tc").programs
    tc.sign.attach(point="ingress", priority=1)
    tc.send_back.attach(priority=2)
    assert ebpf.wire.exchange([FRAME]) == [bytes(SIGNED)]


@pytest.mark.hook("tcx, ingress")
def test_tcx_ingress(ebpf: Ebpf) -> None:
    ebpf.load("tcx").programs.send_back.attach()
    assert ebpf.wire.exchange([FRAME]) == [bytes(FRAME)]


@pytest.mark.hook("tcx, egress")
def test_tcx_egress(ebpf: Ebpf) -> None:
    ebpf.load("tcx").attach()  # both programs: what is sent back is signed
    assert ebpf.wire.exchange([FRAME]) == [bytes(SIGNED)]


@pytest.mark.hook("tcx, else tc")
def test_tcx_or_tc(ebpf: Ebpf) -> None:
    ebpf.load("tcx_or_tc").programs.send_back.attach()
    assert ebpf.wire.exchange([FRAME]) == [bytes(FRAME)]


@pytest.fixture
def kit(ebpf: Ebpf) -> Pair:
    """A pair of netkit devices, the primary here, its peer there."""
    space = ebpf.guest.namespace("far")
    return Pair.join(ebpf, space, *ebpf.guest.netkit("near", "far", netns=space))


@pytest.mark.hook("netkit, primary")
def test_netkit_primary(ebpf: Ebpf, kit: Pair) -> None:
    netkit = ebpf.load("netkit")
    netkit.programs.primary.attach(interface=kit.near)
    server = kit.there.udp(("10.77.0.2", 53))
    kit.here.udp().sendto(b"question", ("10.77.0.2", 53))
    assert (server.recv(), netkit.globals.seen) == (b"question", 1)


@pytest.mark.hook("netkit, peer")
def test_netkit_peer(ebpf: Ebpf, kit: Pair) -> None:
    netkit = ebpf.load("netkit")
    server = kit.here.udp(("10.77.0.1", 53))
    with netkit.programs.peer.attach(interface=kit.near):
        kit.there.udp().sendto(b"dropped", ("10.77.0.1", 53))
    kit.there.udp().sendto(b"not dropped", ("10.77.0.1", 53))
    assert (server.recv(), netkit.globals.seen) == (b"not dropped", 1)


@pytest.mark.hook("tc, redirect to a peer")
def test_redirect_peer(ebpf: Ebpf, pair: Pair) -> None:
    tc = ebpf.load("tc", globals={"out_by": pair.near.ifindex})
    tc.programs.into_container.attach()
    server = pair.there.udp(("10.77.0.2", 53))
    header = Ether(dst=ebpf.wire.mac) / IP(src="10.77.0.1", dst="10.77.0.2")
    ebpf.wire.send(header / UDP(sport=4000, dport=53) / b"question")
    assert server.recv() == b"question"


@pytest.mark.hook("tc, redirect to a neighbour")
def test_redirect_neigh(ebpf: Ebpf) -> None:
    one, other = ebpf.wires
    eth1 = ebpf.guest.device("eth1").add_address("10.1.0.1/24")
    eth1.add_neighbour("10.1.0.2", "02:00:00:00:00:02")
    tc = ebpf.load("tc", globals={"out_by": eth1.ifindex})
    tc.programs.to_neighbour.attach()
    one.send(Ether(dst=one.mac) / IP(src="10.0.0.2", dst="10.1.0.2") / UDP(sport=4000, dport=53))
    left = other.expect(UDP)
    assert (left[Ether].src, left[Ether].dst) == (other.mac, "02:00:00:00:00:02")
