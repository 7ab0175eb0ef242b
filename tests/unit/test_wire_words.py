"""What a wire says without a machine: which packet was expected, what it does not carry."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

from pytest_ebpf.errors import PacketError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.wire import Wire, first_of
from pytest_ebpf.wire.expectation import fits, instead, name

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


def test_a_machine_without_a_wire():
    with pytest.raises(UsageError) as caught:
        first_of(())
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
