"""XDP: programs in front of a device's receive path."""

from __future__ import annotations

import pytest
from pair import Pair
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from pytest_ebpf.session.ebpf import Ebpf

FRAME = Ether(src="02:00:00:00:00:99", dst="ff:ff:ff:ff:ff:ff", type=0x88B5) / b"frame"


@pytest.mark.hook("xdp, native")
def test_native(ebpf: Ebpf) -> None:
    link = ebpf.load("xdp").programs.reflect.attach()
    assert ebpf.wire.exchange([FRAME] * 10) == [bytes(FRAME)] * 10
    assert link.mode == "native"


@pytest.mark.hook("xdp, generic")
def test_generic(ebpf: Ebpf) -> None:
    link = ebpf.load("xdp").programs.reflect.attach(mode="generic")
    assert ebpf.wire.exchange([FRAME]) == [bytes(FRAME)]
    assert link.mode == "generic"


@pytest.mark.hook("xdp, native")
def test_pass_into_a_socket(ebpf: Ebpf) -> None:
    xdp = ebpf.load("xdp")
    xdp.programs.count.attach()
    ebpf.guest.device("eth0").add_address("10.0.0.1/24")
    server = ebpf.guest.process().udp(("10.0.0.1", 53))
    header = Ether(dst=ebpf.wire.mac) / IP(src="10.0.0.2", dst="10.0.0.1")
    ebpf.wire.send(header / UDP(sport=4000, dport=53) / b"question")
    assert server.recvfrom() == (b"question", ("10.0.0.2", 4000))
    assert xdp.globals.seen == 1


@pytest.mark.hook("xdp on veth")
def test_drop_on_veth(ebpf: Ebpf, pair: Pair) -> None:
    xdp = ebpf.load("xdp")
    server = pair.there.udp(("10.77.0.2", 53))
    with xdp.programs.drop.attach(interface=pair.far, mode="native"):
        pair.here.udp().sendto(b"dropped", ("10.77.0.2", 53))
        ebpf.wait(lambda: xdp.globals.seen == 1)
    pair.here.udp().sendto(b"not dropped", ("10.77.0.2", 53))
    assert server.recv() == b"not dropped"


@pytest.mark.hook("xdp, devmap")
def test_devmap(ebpf: Ebpf) -> None:
    one, other = ebpf.wires
    xdp = ebpf.load("xdp")
    xdp.maps.ports[0] = "eth1", xdp.programs.leaving
    xdp.programs.to_port.attach()
    xdp.programs.count.attach(interface="eth1")  # virtio-net sends for others only while it has a program
    one.send(FRAME)
    eth1 = ebpf.guest.device("eth1").ifindex
    assert other.expect()[Ether].src == f"02:00:00:00:00:{eth1:02x}"


@pytest.mark.hook("xdp, cpumap")
def test_cpumap(ebpf: Ebpf) -> None:
    xdp = ebpf.load("xdp")
    xdp.maps.cpus[0] = 192, xdp.programs.arrived
    xdp.programs.to_cpu.attach()
    ebpf.wire.send(FRAME)
    ebpf.wait(lambda: xdp.globals.seen == 1)


@pytest.mark.hook("xdp, frags")
def test_a_frame_of_several_pages(ebpf: Ebpf) -> None:
    space = ebpf.guest.namespace("far")
    pair = Pair.join(ebpf, space, *ebpf.guest.veth("near", "far", netns=space, mtu=9000))
    frags = ebpf.load("xdp_frags")
    frags.programs.measure.attach(interface=pair.far, mode="native")
    server = pair.there.udp(("10.77.0.2", 53))
    pair.here.udp().sendto(bytes(8000), ("10.77.0.2", 53))
    assert len(server.recv()) == 8000
    assert frags.globals.frame_length == 14 + 20 + 8 + 8000


@pytest.mark.hook("xdp, frags", attached=False)
def test_run_a_frame_of_several_pages(ebpf: Ebpf) -> None:
    frags = ebpf.load("xdp_frags")
    result = frags.programs.measure.run(bytes(8000))
    assert (result.data_size, frags.globals.frame_length) == (8000, 8000)
