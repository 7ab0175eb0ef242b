"""Packets to bytes and back."""

from __future__ import annotations

import subprocess
import sys

import pytest
from scapy.layers import l2
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether

from pytest_ebpf import packets
from pytest_ebpf.errors import PacketError


def ether_ip():
    return (
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2") / UDP()
    )


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_pass_through(kind):
    assert packets.to_bytes(kind(b"\x01\x02")) == b"\x01\x02"


def test_a_scapy_packet_is_built_with_its_lengths_and_checksums():
    data = packets.to_bytes(ether_ip())
    assert data[12:14] == b"\x08\x00"
    assert int.from_bytes(data[16:18], "big") == 28  # IP total length


def test_bytes_need_no_scapy():
    """Importing scapy costs 150 ms, which a test on bytes must not pay."""
    script = (
        "import sys; from pytest_ebpf import packets; packets.to_bytes(b'x'); print('scapy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_what_is_no_packet_is_refused():
    with pytest.raises(PacketError) as caught:
        packets.to_bytes("10.0.0.1")
    assert str(caught.value) == (
        "packet: a str is no packet ('10.0.0.1'); "
        "give a scapy packet such as Ether() / IP() / UDP(), or bytes"
    )


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(PacketError) as caught:
        packets.to_bytes(list(range(100)))
    assert caught.value.what == "a list is no packet ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11...)"


def test_a_packet_that_scapy_cannot_build_is_a_packet_error():
    with pytest.raises(PacketError) as caught:
        packets.to_bytes(IP(ttl="many"))
    assert str(caught.value).startswith("packet: scapy cannot build IP (")
    assert caught.value.hint == "look at the fields it was given"


def test_several_packets_in_order():
    assert packets.all_to_bytes(part for part in (b"a", bytearray(b"b"))) == [b"a", b"b"]


@pytest.mark.parametrize("one", [b"abc", bytearray(b"abc")])
def test_one_packet_where_several_are_expected(one):
    with pytest.raises(PacketError) as caught:
        packets.all_to_bytes(one)
    assert (
        str(caught.value) == "packets: one packet where several are expected; put it in a list, or use run()"
    )


def test_one_scapy_packet_where_several_are_expected():
    with pytest.raises(PacketError):
        packets.all_to_bytes(ether_ip())


def test_the_first_layer_is_named():
    assert packets.first_layer(ether_ip()) == "Ether"
    assert packets.first_layer(b"") is None


def test_a_frame_is_sent_as_it_is():
    packet = ether_ip()
    assert packets.to_frame(packet, layer3=False) == bytes(packet)
    assert packets.to_frame(packet, layer3=True) == bytes(packet)
    assert packets.to_frame(b"raw", layer3=False) == b"raw"


@pytest.mark.parametrize(("version", "ethertype"), [(4, b"\x08\x00"), (6, b"\x86\xdd")])
def test_a_network_packet_gets_an_ethernet_header_where_the_program_sees_the_network_layer(
    version, ethertype
):

    packet = IP() if version == 4 else IPv6()
    assert packets.to_frame(packet, layer3=True) == bytes(12) + ethertype + bytes(packet)


def test_a_network_packet_is_refused_where_the_program_sees_frames():
    with pytest.raises(PacketError) as caught:
        packets.to_frame(IP(), layer3=False)
    assert str(caught.value) == (
        "packet: begins with IP, and this program sees Ethernet frames; "
        "write Ether() / IP(...), or give bytes to send it as it is"
    )


def test_bytes_are_dissected_from_the_layer_that_is_named():
    packet = ether_ip()
    assert packets.from_bytes(bytes(packet))["IP"].dst == "10.0.0.2"
    assert packets.from_bytes(bytes(packet)[14:], "IP").src == "10.0.0.1"


def test_vlan_and_ipv6_are_known_below_ethernet():
    packet = packets.from_bytes(bytes(Ether() / Dot1Q(vlan=7) / IPv6(src="::1", dst="::2")))
    assert packet["Dot1Q"].vlan == 7
    assert packet["IPv6"].dst == "::2"


def test_an_unknown_first_layer():
    with pytest.raises(PacketError) as caught:
        packets.from_bytes(b"", "TCP")
    assert str(caught.value) == "packet: cannot dissect from TCP; give one of ARP, Ether, IP, IPv6"


def test_the_network_layer_is_told_by_its_version():
    assert packets.network_from_bytes(bytes(IP(dst="10.0.0.9"))).dst == "10.0.0.9"
    assert packets.network_from_bytes(bytes(IPv6(dst="::9"))).dst == "::9"
    assert packets.network_from_bytes(b"\x00\x01").load == b"\x00\x01"
    assert packets.network_from_bytes(b"").name == "Raw"


def test_a_packet_without_receiver_is_not_looked_up_on_the_network(monkeypatch):
    def asked(*args, **kwargs):
        raise AssertionError("a request went to the network")

    monkeypatch.setattr(l2, "srp1", asked)
    packets.stay_off_the_network()
    assert bytes(l2.Ether() / IP(dst="192.0.2.1"))[:6] == b"\xff" * 6
