"""The network stack: netfilter, routes, and the hooks of a network namespace."""

from __future__ import annotations

import socket

import pytest
from pair import Pair
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrSegmentRouting
from scapy.layers.l2 import Ether

from pytest_ebpf.session.ebpf import Ebpf

FRAME = bytes.fromhex("ffffffffffff 020000000099 88b5") + b"frame"


@pytest.mark.hook("netfilter")
def test_netfilter_refuses(ebpf: Ebpf) -> None:
    process = ebpf.guest.process()
    server, client = process.udp(("127.0.0.1", 53)), process.udp()
    with ebpf.load("netfilter").programs.refuse.attach():
        client.sendto(b"refused", ("127.0.0.1", 53))
    client.sendto(b"not refused", ("127.0.0.1", 53))
    assert server.recv() == b"not refused"


@pytest.mark.hook("flow_dissector")
def test_flow_dissector(ebpf: Ebpf) -> None:
    netns = ebpf.load("netns")
    netns.programs.dissect.attach()
    sender = ebpf.guest.process().socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.sendto(FRAME, ("eth0", 0x88B5))
    assert netns.globals.seen >= 1


@pytest.mark.hook("sk_lookup")
def test_sk_lookup(ebpf: Ebpf) -> None:
    process = ebpf.guest.process()
    netns = ebpf.load("netns")
    netns.maps.servers[0] = server = process.listen(("127.0.0.1", 80))
    netns.programs.steer.attach()
    client = process.socket()
    client.connect(("127.0.0.1", 8080))  # where nobody listens
    assert server.accept()[1] == client.getsockname()


@pytest.mark.hook("lwt_out")
def test_a_route_refuses(ebpf: Ebpf, pair: Pair) -> None:
    pair.near.add_route("10.0.0.0/8", via="10.77.0.2")  # would take it as well
    ebpf.load("routes").programs.refuse.attach(interface=pair.near, via="10.77.0.2")
    with pytest.raises(PermissionError):
        pair.here.udp().sendto(b"hello", ("10.78.0.1", 53))


@pytest.mark.hook("lwt_xmit")
def test_a_route_into_a_tunnel(ebpf: Ebpf) -> None:
    eth0 = ebpf.guest.device("eth0").add_address("10.77.0.1/24")
    eth0.add_neighbour("10.77.0.2", "02:00:00:00:00:02")
    eth0.add_route("10.0.0.0/8", via="10.77.0.2")  # would take it as well
    ebpf.load("routes").programs.encapsulate.attach(interface=eth0, via="10.77.0.2")
    ebpf.guest.process().udp().sendto(b"hello", ("10.78.0.1", 53))
    outer = ebpf.wire.expect(UDP)[IP]
    assert (outer.dst, outer.payload.dst, outer[UDP].payload.load) == ("10.77.0.2", "10.78.0.1", b"hello")


@pytest.mark.hook("lwt_in")
def test_a_route_for_what_is_forwarded(ebpf: Ebpf, pair: Pair) -> None:
    fd = pair.there.open("/proc/sys/net/ipv4/ip_forward", 1)
    pair.there.write(fd, b"1")
    pair.near.add_route("10.78.0.0/24", via="10.77.0.2")
    onward = pair.far.netns.dummy("onward").up()
    onward.add_route("10.0.0.0/8")  # would take it as well
    routes = ebpf.load("routes")
    routes.programs.comes_by.attach(interface=onward)
    pair.here.udp().sendto(b"hello", ("10.78.0.1", 53))
    ebpf.wait(lambda: routes.globals.seen == 1)


@pytest.mark.hook("lwt_seg6local")
def test_a_segment(ebpf: Ebpf) -> None:
    eth0 = ebpf.guest.device("eth0").add_address("fd00::1/64")
    eth0.add_route("fd05::/64")  # would take it as well
    segments = ebpf.load("segments")
    segments.programs.visit.attach(interface=eth0)
    header = IPv6ExtHdrSegmentRouting(addresses=["fd06::1", "fd05::1"], segleft=1)
    ebpf.wire.send(Ether(dst=eth0.mac) / IPv6(src="fd00::2", dst="fd05::1") / header / UDP())
    ebpf.wait(lambda: segments.globals.seen == 1)
