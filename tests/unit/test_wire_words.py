"""What a wire says without a machine: which packet was expected, what it does not carry."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

from pytest_ebpf.errors import PacketError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.wire import Capture, Wire, Wires, wires_of
from pytest_ebpf.wire.expectation import check, fits, instead, name

PACKET = Ether() / IP() / UDP(dport=53)


def is_dns(packet) -> bool:
    return packet.haslayer(UDP) and packet[UDP].dport == 53


def test_a_packet_is_expected_by_layer_by_function_or_at_all():
    assert [fits(PACKET, what) for what in (UDP, ARP, is_dns, lambda packet: False, None)] == [
        *(True, False, True, False, True)
    ]


def test_what_is_expected_has_a_name():
    assert [name(what) for what in (UDP, is_dns, lambda packet: True, None)] == [
        *("UDP packet", "is_dns packet", "such packet", "packet")
    ]


def test_what_came_instead_is_told():
    assert instead([]) == "nothing came"
    arp = Ether() / ARP(pdst="10.0.0.1")
    assert instead([arp]) == f"what came: {arp.summary()}"
    assert instead([arp] * 6).endswith("; and 1 more")


@pytest.mark.parametrize("what", ["UDP", UDP(dport=53)])
def test_what_is_expected_is_not_a_name_and_not_a_packet(what):
    with pytest.raises(UsageError) as caught:
        check(what, "eth0")
    assert str(caught.value) == (
        f"eth0: {what!r} is no layer of scapy; "
        "give the class, such as UDP, or a function: lambda packet: packet[UDP].dport == 53"
    )


def wires(count) -> Wires:
    return wires_of(Guest(None, timeout=1), [None] * count)


def test_wires_by_number():
    made = wires(2)
    assert [made[0].interface, made[-1].interface, made.first] == ["eth0", "eth1", made[0]]
    assert [wire.interface for wire in made[1:]] == ["eth1"]


@pytest.mark.parametrize(
    ("count", "number", "message"),
    [
        (0, 0, "ebpf.wires[0]: this machine has no wire; set wires = 1 under [test] of ebpf.toml"),
        (
            1,
            1,
            "ebpf.wires[1]: this machine has 1 wire, counted from 0; set wires = 2 under [test] of ebpf.toml",
        ),
        (2, 4, "ebpf.wires[4]: this machine has 2 wires, counted from 0"),
        (2, -3, "ebpf.wires[-3]: this machine has 2 wires, counted from 0"),
    ],
)
def test_a_wire_that_is_not_there(count, number, message):
    with pytest.raises(UsageError) as caught:
        wires(count)[number]
    assert str(caught.value) == message


def test_a_machine_without_a_wire():
    with pytest.raises(UsageError) as caught:
        _ = wires(0).first
    assert str(caught.value) == (
        "ebpf.wire: this machine has no wire; set wires = 1 under [test] of ebpf.toml"
    )


@pytest.mark.parametrize("packet", [ARP(), IP()])
def test_it_carries_ethernet(packet):
    layer = type(packet).__name__
    with pytest.raises(PacketError) as caught:
        Wire(Guest(None, timeout=1), None, 0).send(packet)
    assert str(caught.value) == (
        f"packet: begins with {layer}, and a wire carries Ethernet frames; write Ether() / {layer}(...)"
    )


def test_several_frames_are_not_the_bytes_of_one():
    wire = Wire(Guest(None, timeout=1), None, 0)
    for send in (wire.send_many, wire.exchange):
        with pytest.raises(PacketError) as caught:
            send(bytes(60))
        assert str(caught.value) == (
            "packets: one frame where several are expected; put it in a list, or use send()"
        )


def test_a_capture_that_did_not_begin_has_no_frames_to_show():
    capture = Capture(lambda: None, [])
    for ask in (lambda: capture.frames, lambda: capture.sent, lambda: capture.packets):
        with pytest.raises(UsageError) as caught:
            ask()
        assert str(caught.value) == "capture: has not begun; with wire.capture() as capture: ..."


def test_a_capture_notes_each_frame_once():
    running = []
    with Capture(lambda: None, running) as capture, pytest.raises(UsageError) as caught:
        capture.__enter__()
    assert str(caught.value) == "capture: goes on already; make another for the block within"
    assert running == []
