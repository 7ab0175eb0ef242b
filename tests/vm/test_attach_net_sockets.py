"""Programs on sockets, maps of sockets, network namespaces and routes: tests/vm/data/nethooks.bpf.c."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest
from lab import PORT, THERE
from proof import prove

from pytest_ebpf.errors import AttachError, GuestError, UnsupportedError, UsageError
from pytest_ebpf.uapi import LinkType


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


@pytest.fixture
def hooked(load_object):
    """``hooked(*programs)`` loads these of the object."""
    return lambda *programs: load_object("nethooks", autoload=dict.fromkeys(programs, True))


def refused(error, attach, **settings) -> str:
    with pytest.raises(error) as caught:
        attach(**settings)
    return str(caught.value)


class TestSocketFilter:
    @lines("5.10", "7.2")
    def test_one_that_cuts(self, hooked, lab):
        assert lab.ping() == 5
        with hooked("cuts").programs.cuts.attach(socket=lab.server):
            assert lab.ping() == 1
        assert lab.ping() == 5

    def test_a_socket_that_is_gone_has_no_program(self, hooked, lab):
        link = hooked("cuts").programs.cuts.attach(socket=lab.server)
        lab.server.close()
        link.detach()
        link = hooked("cuts").programs.cuts.attach(socket=lab.client)
        lab.here.end()
        link.detach()

    def test_mistakes(self, hooked, lab):
        attach = hooked("on_socket").programs.on_socket.attach
        assert refused(UsageError, attach, socket=lab.space) == (
            "programs.on_socket: attach: socket: not one of a process of the guest "
            "(<NetworkNamespace far>); make one with ebpf.guest.process().socket()"
        )
        lab.server.close()
        assert refused(AttachError, attach, socket=lab.server) == (
            "programs.on_socket: cannot attach it to the socket: Bad file descriptor"
        )


@lines("5.10", "7.2")
def test_reuseport(hooked, lab):
    lab.server.close()
    lab.server = lab.there.socket(socket.AF_INET, socket.SOCK_DGRAM)
    lab.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    lab.server.bind((THERE, PORT))
    tool = hooked("on_reuseport")
    attach = tool.programs.on_reuseport.attach
    prove(lambda: attach(socket=lab.server), lab.ping, lambda: tool.globals.calls)
    assert tool.globals.value == 13  # with the header of UDP


@lines("7.2")
def test_sk_lookup(hooked, lab):
    tool = hooked("on_sk_lookup")
    tool.maps.sockets[0] = lab.server
    lab.server.timeout = 0.2
    arrived = []

    def ping():
        lab.client.sendto(b"hello", (THERE, PORT + 1))
        with suppress(TimeoutError):
            arrived.append(lab.server.recv())

    prove(lambda: tool.programs.on_sk_lookup.attach(netns=lab.space), ping, lambda: tool.globals.calls)
    assert (tool.globals.value, arrived) == (PORT + 1, [b"hello"] * 2)


@lines("7.2")
def test_flow_dissector(hooked, lab):
    tool = hooked("on_flow_dissector")
    sender = lab.here.socket(17, socket.SOCK_RAW)
    frame = bytes.fromhex("020000000002020000000001" + "88b5") + bytes(46)

    def send():
        sender.sendto(frame, ("near0", 0x88B5))

    prove(tool.programs.on_flow_dissector.attach, send, lambda: tool.globals.calls, times=0)
    with tool.programs.on_flow_dissector.attach() as link:
        assert link.info().type is LinkType.NETNS


class TestMapsOfSockets:
    """A socket has the programs that the map had when the socket was put into it."""

    def exchange(self, tool, lab, end):
        """Put one end of a new connection into the map, and send five bytes to the other side."""
        here, there = lab.stream()
        tool.maps.sockets[0] = here if end == "here" else there
        here.send(b"hello")
        assert there.recv() == b"hello"
        here.close()
        there.close()

    @lines("5.10", "7.2")
    @pytest.mark.parametrize(("program", "end"), [("on_sk_msg", "here"), ("on_stream_verdict", "there")])
    def test_a_program(self, hooked, lab, program, end):
        tool = hooked(program)
        attach = tool.programs[program].attach
        prove(
            lambda: attach(map=tool.maps.sockets),
            lambda: self.exchange(tool, lab, end),
            lambda: tool.globals.calls,
        )
        assert tool.globals.value == 5

    @lines("5.10", "7.2")
    def test_a_parser_and_its_verdict(self, hooked, lab):
        tool = hooked("on_parser", "cuts")
        verdict = hooked("on_stream_verdict")
        with verdict.programs.on_stream_verdict.attach(map=tool.maps.sockets):
            prove(
                lambda: tool.programs.on_parser.attach(map="sockets"),
                lambda: self.exchange(tool, lab, "there"),
                lambda: tool.globals.calls,
            )

    @lines("5.10", "7.2")
    def test_a_socket_that_is_not_connected(self, hooked, lab):
        tool = hooked("on_sk_msg")
        for made in (lab.here.socket(), lab.here.udp()):
            with pytest.raises(GuestError) as caught:
                tool.maps.sockets[0] = made
            assert str(caught.value) == (
                "maps.sockets[0]: the map does not take it as it is now; "
                "a socket of TCP has to be connected or to listen, one of UDP to be bound"
            )

    @lines("7.2")
    def test_a_map_that_is_not_there(self, hooked):
        assert refused(UsageError, hooked("on_sk_msg").programs.on_sk_msg.attach, map="sokcets") == (
            'programs.on_sk_msg: attach: map: nethooks has no map "sokcets"; did you mean "sockets"?'
        )

    @lines("5.10")
    def test_a_kernel_without(self, hooked):
        assert refused(UnsupportedError, hooked("on_verdict").programs.on_verdict.attach, map="sockets") == (
            "programs.on_verdict: this kernel has no sk_skb/verdict; "
            "run it on a newer kernel, or declare an alternative"
        )

    @lines("7.2")
    def test_there_is_a_link(self, hooked):
        tool = hooked("on_sk_msg")
        with tool.programs.on_sk_msg.attach(map="sockets") as link:
            assert link.info().type is LinkType.SOCKMAP


class TestRoutes:
    FAR = "10.78.0.1"

    def send(self, lab):
        """Send a datagram that may not get there; when the next has, it has been dealt with."""
        with suppress(OSError):
            lab.client.sendto(b"hello", (self.FAR, PORT))
        lab.ping()

    @lines("5.10", "7.2")
    @pytest.mark.parametrize("program", ["on_lwt_out", "on_lwt_xmit"])
    def test_on_the_way_out(self, hooked, lab, program):
        lab.far.add_address(f"{self.FAR}/32")
        far = lab.there.udp((self.FAR, PORT))
        tool = hooked(program)
        attach = tool.programs[program].attach
        prove(
            lambda: attach(route="10.78.0.0/24", interface=lab.near, via=THERE),
            lambda: self.send(lab),
            lambda: tool.globals.calls,
        )
        assert tool.globals.value == 5
        assert far.recv() == b"hello"

    @lines("5.10", "7.2")
    def test_on_the_way_in(self, hooked, lab):
        """What is forwarded comes in by a route."""
        lab.near.add_route("10.78.0.0/24", via=THERE)
        onward = lab.space.dummy("onward0").up()
        fd = lab.there.open("/proc/sys/net/ipv4/ip_forward", 1)
        lab.there.write(fd, b"1")
        tool = hooked("on_lwt_in")
        prove(
            lambda: tool.programs.on_lwt_in.attach(route="10.78.0.0/24", interface=onward),
            lambda: self.send(lab),
            lambda: tool.globals.calls,
        )
        assert tool.globals.value == 5

    def test_mistakes(self, hooked, lab):
        attach = hooked("on_lwt_out").programs.on_lwt_out.attach
        assert refused(UsageError, attach, route="10.78.0.0/24", interface="near0") == (
            "programs.on_lwt_out: attach: interface: not a device of the guest ('near0'); "
            "attach(interface=ebpf.guest.device('near0'))"
        )
        assert refused(AttachError, attach, route="10.78.0.0/24", interface=lab.near, via="9.9.9.9") == (
            "programs.on_lwt_out: cannot attach it to route 10.78.0.0/24: Network is unreachable "
            "(Nexthop has invalid gateway); give a device the address that the next hop is a neighbour of, "
            "and set it up"
        )
        lab.near.add_route("10.78.0.0/24", via=THERE)
        assert refused(AttachError, attach, route="10.78.0.0/24", interface=lab.near, via=THERE) == (
            "programs.on_lwt_out: cannot attach it to route 10.78.0.0/24: File exists; "
            "close that route first, or give another destination"
        )
