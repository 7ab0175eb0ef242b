"""Frames over a wire through real XDP, and the guest's stack: tests/vm/data/wire.bpf.c."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from wires import wired

from pytest_ebpf.errors import ConditionError, PacketError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.machine import Machine
from pytest_ebpf.packets import recent_of
from pytest_ebpf.system import System
from pytest_ebpf.wire import Wire, wires_of

HOST, GUEST = "10.0.0.2", "10.0.0.1"
HOST_MAC = "02:00:00:00:00:aa"
ECHO, DISCARD = 7, 9


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


@pytest.fixture
def machine(kernel) -> Iterator[Machine]:
    """A fresh machine of this test's kernel, with two wires."""
    with wired(kernel) as (machine, _):
        yield machine


@pytest.fixture
def wires(machine: Machine, guest: Guest) -> tuple[Wire, ...]:
    return wires_of(guest, machine.wires)


@pytest.fixture
def wire(wires) -> Wire:
    return wires[0]


@pytest.fixture
def system(guest: Guest) -> Iterator[System]:
    system = System(guest)
    yield system
    system.close()


@pytest.fixture
def tool(load_object):
    return load_object("wire")


def udp(wire, port, payload=b"hello") -> Ether:
    header = Ether(src=HOST_MAC, dst=wire.mac) / IP(src=HOST, dst=GUEST)
    return header / UDP(sport=4000, dport=port) / Raw(payload)


class TestXdp:
    def test_native_is_what_it_gets_unasked(self, tool, wire):
        assert tool.programs.services.attach(interface=wire.interface).mode == "native"

    def test_a_thousand_frames_come_back_as_they_are_in_their_order(self, tool, wire):
        frames = [bytes(14) + number.to_bytes(4, "big") + bytes(number) for number in range(1000)]
        assert wire.exchange(frames) == []
        with tool.programs.reflect.attach(interface="eth0", mode="native"):
            assert wire.exchange(frames) == frames
        assert tool.globals.seen == len(frames)

    def test_that_nothing_comes_back_is_known_without_waiting_for_it(self, tool, wire):
        with tool.programs.services.attach(interface="eth0"):
            assert wire.exchange([udp(wire, DISCARD)] * 40, timeout=30) == []
            assert wire.exchange([udp(wire, DISCARD), udp(wire, ECHO)])[0][34:36] == b"\0\7"
        assert tool.globals.seen == 42

    def test_it_gets_what_is_for_other_machines_and_of_any_vlan(self, tool, wire):
        tagged = Ether(dst="02:00:00:00:00:77") / Dot1Q(vlan=12) / IP(dst="192.0.2.1") / UDP()
        with tool.programs.services.attach(interface="eth0"):
            wire.send_many([tagged, Ether(dst="02:00:00:00:00:78") / IPv6()])
            wire.settle()
            assert tool.globals.seen == 2

    @pytest.mark.parametrize("size", [14, 15, 60, 1514])
    def test_frames_of_every_length(self, tool, wire, size):
        with tool.programs.reflect.attach(interface="eth0"):
            assert wire.exchange([bytes(size)]) == [bytes(size)]


@lines("6.12")
def test_frames_that_were_sent_are_kept_for_a_report(wire, guest):
    wire.send_many([bytes([number]) * 60 for number in range(20)])
    recent = recent_of(guest)
    assert recent.count == 20
    assert [frame.data[0] for frame in recent.frames] == [*range(4, 20)]


class TestStack:
    @lines("5.10", "7.2")
    def test_a_packet_comes_to_a_socket_and_its_answer_back(self, tool, wire, system):
        system.device("eth0").add_address(f"{GUEST}/24")
        server = system.process().udp((GUEST, 5000))
        with tool.programs.services.attach(interface="eth0"):
            wire.send(udp(wire, 5000, b"question"))
            data, sender = server.recvfrom()
            assert (data, sender) == (b"question", (HOST, 4000))
            server.sendto(b"answer", sender)
            question = wire.expect(ARP, timeout=60)
            assert (question[ARP].psrc, question[ARP].pdst) == (GUEST, HOST)
            wire.send(Ether(src=HOST_MAC, dst=wire.mac) / ARP(op=2, hwsrc=HOST_MAC, psrc=HOST, pdst=GUEST))
            answer = wire.expect(UDP, timeout=60)
        assert (answer[Ether].dst, answer[UDP].dport, answer[Raw].load) == (HOST_MAC, 4000, b"answer")

    @lines("5.10", "7.2")
    def test_it_answers_a_ping_over_ipv4_and_ipv6(self, wire, system):
        device = system.device("eth0")
        device.add_address(f"{GUEST}/24").add_address("fd00::1/64")
        device.add_neighbour(HOST, HOST_MAC).add_neighbour("fd00::2", HOST_MAC)
        ethernet = Ether(src=HOST_MAC, dst=wire.mac)
        assert wire.sr1(ethernet / IP(src=HOST, dst=GUEST) / ICMP(id=3), timeout=60).haslayer(ICMP)
        question = ethernet / IPv6(src="fd00::2", dst="fd00::1") / ICMPv6EchoRequest(id=4)
        answer = wire.sr1(question, timeout=60)
        assert answer[ICMPv6EchoReply].id == 4

    @lines("5.10", "7.2")
    def test_what_the_interface_was_given_is_taken_away(self, system):
        def given() -> str:
            names = ("arp", "fib_trie", "if_inet6", "route")
            return "".join(system.files.text(f"/proc/net/{name}") for name in names)

        before = given()
        for _ in range(2):
            device = system.device("eth0").add_address(f"{GUEST}/24").add_address("fd00::1/64")
            device.add_neighbour(HOST, HOST_MAC).add_route("10.9.0.0/16", via=HOST)
            assert HOST_MAC in given()
            system.close_devices()
            assert given() == before

    def test_the_guest_says_nothing_by_itself(self, wires, guest):
        assert [wire.recv_bytes(0) for wire in wires] == [None, None]
        for number in (0, 1):
            sent = guest.call("read_file", path=f"/sys/class/net/eth{number}/statistics/tx_packets")
            state = guest.call("read_file", path=f"/sys/class/net/eth{number}/operstate")
            assert (sent, state) == (b"0\n", b"up\n")
        assert b"eth" not in guest.call("read_file", path="/proc/net/if_inet6")


@lines("6.12")
class TestWords:
    """What is said when a packet does not come, or cannot go."""

    def test_nothing_came(self, wire):
        assert wire.recv(0.01) is None
        assert wire.sr1(udp(wire, ECHO), timeout=0.01) is None
        with pytest.raises(ConditionError) as caught:
            wire.expect(timeout=0.01)
        assert str(caught.value) == "eth0: no packet came within 0.01 s (nothing came)"

    def test_something_else_came(self, tool, wire):
        tool.programs.services.attach(interface="eth0")
        wire.send_many([udp(wire, ECHO)] * 7)
        wire.settle()
        with pytest.raises(ConditionError) as caught:
            wire.expect(ARP, timeout=0.5)
        answer = Ether() / IP(src=GUEST, dst=HOST) / UDP(sport=ECHO, dport=4000) / Raw(b"x")
        summary = "; ".join([answer.summary()] * 5)
        assert str(caught.value) == (
            f"eth0: no ARP packet came within 0.5 s (what came: {summary}; and 2 more)"
        )

    def test_an_interface_that_is_down_takes_nothing(self, wire, system):
        device = system.device("eth0").down()
        with pytest.raises(ConditionError) as caught:
            wire.exchange([bytes(60)], timeout=0.05)
        assert str(caught.value) == (
            "eth0: the guest has not dealt with all frames in time; look whether the interface is up"
        )
        device.up()
        assert wire.exchange([bytes(60)]) == []

    def test_a_packet_without_ethernet(self, wire):
        with pytest.raises(PacketError) as caught:
            wire.send(IP() / UDP())
        assert str(caught.value) == (
            "packet: begins with IP, and a wire carries Ethernet frames; write Ether() / IP(...)"
        )

    @pytest.mark.parametrize("size", [0, 13, 65_536])
    def test_a_frame_of_a_length_that_there_is_not(self, wire, size):
        with pytest.raises(PacketError) as caught:
            wire.exchange([bytes(size)])
        assert str(caught.value) == f"packet: a frame has 14 to 65535 bytes (seen {size})"

    def test_an_interface_that_is_gone_cannot_be_asked(self, wire, guest):
        guest.call("write_file", path="/sys/class/net/eth0/device/driver/unbind", data=b"virtio1")
        with pytest.raises(UsageError) as caught:
            wire.settle()
        assert str(caught.value) == (
            "wire: eth0 is not in the guest's first network namespace; "
            "use send() and recv(), and give the MAC address yourself"
        )
