"""What is told of packets that are not as expected: fields, offsets, checksums."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from pytest_ebpf.errors import PacketError
from pytest_ebpf.packets import Difference, differences, matches, source, wrong_checksums

ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def udp(load=b"x" * 40, **fields):
    return ETHER / IP(src="10.0.0.1", dst="10.0.0.2", **fields) / UDP(sport=1, dport=7) / load


def test_equal_packets_match_and_scapy_fills_in_what_was_left_out():
    assert matches(bytes(udp()), udp())
    assert differences(udp(), Ether(bytes(udp()))) == []


def test_a_difference_names_layer_field_values_and_offset():
    assert differences(udp(ttl=63), udp()) == [Difference("IP", "ttl", expected="64", got="63", offset=22)]


def test_a_checksum_that_is_right_is_no_difference_of_its_own():
    assert udp(ttl=63).build() != udp().build()
    assert [each.name for each in differences(udp(ttl=63, id=7), udp())] == ["IP.id", "IP.ttl"]


def test_a_wrong_checksum_is_a_difference_and_told():
    got = Ether(bytes(udp()))
    got[UDP].chksum = 2
    assert matches(got, udp()).lines() == [
        "field       expected  got  offset",
        "UDP.chksum  0x81ec    0x2  40".replace("0x81ec", f"{Ether(bytes(udp()))[UDP].chksum:#x}"),
        f"UDP.chksum: 0x0002 is wrong; {Ether(bytes(udp()))[UDP].chksum:#06x} is right",
    ]


def test_ignored_fields_and_layers_may_differ():
    assert matches(udp(id=7), udp(), ignore=["IP.id"])
    assert matches(udp(b"y" * 40), udp(), ignore=["Raw"])
    assert matches(udp(id=7, ttl=63), udp(), ignore="IP")
    assert not matches(udp(id=7, ttl=63), udp(), ignore=["IP.id"])


def test_an_ignored_checksum_may_be_wrong():
    got = Ether(bytes(udp()))
    got[UDP].chksum = 2
    assert matches(got, udp(), ignore=["UDP.chksum"])
    assert matches(got, udp(), ignore=["UDP.chksum"]).lines() == []


def test_what_cannot_be_ignored_is_said():
    with pytest.raises(PacketError) as caught:
        matches(udp(ttl=1), udp(), ignore=["IP.tll"])
    assert str(caught.value) == 'ignore: there is no "IP.tll"; did you mean "IP.ttl"?'


def test_a_layer_that_neither_packet_has_can_be_ignored():
    assert matches(udp(id=7), udp(), ignore=["IP.id", "IPv6.fl"])


def test_other_layers_end_the_comparison():
    *others, last = differences(ETHER / IP(proto=17) / UDP(), ETHER / IP(proto=17))
    assert [each.name for each in others] == ["IP.len"]
    assert last == Difference("layer", "", expected="nothing", got="UDP", offset=34)


def test_a_payload_is_shown_from_where_it_differs():
    (difference,) = differences(udp(b"x" * 20 + b"y" * 20), udp())
    assert (difference.name, difference.offset) == ("Raw.load", 14 + 20 + 8 + 20)
    assert difference.got == f"...{b'y' * 20!r}"


def test_of_long_values_the_part_that_differs_is_shown():
    one, other = (
        ETHER / IPv6(src="2001:db8:1:2:3:4:5:6", dst=f"2001:db8:aaaa:bbbb:cccc:dddd:eeee:{last}") / UDP()
        for last in (1, 2)
    )
    assert matches(one, other).lines()[1].split() == ["IPv6.dst", "...:eeee:2", "...:eeee:1", "38"]
    assert matches(one, other).lines(wide=True)[1].split() == [
        "IPv6.dst",
        "2001:db8:aaaa:bbbb:cccc:dddd:eeee:2",
        "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1",
        "38",
    ]


def test_a_byte_in_a_long_payload_makes_no_long_lines():
    load = bytes(range(256)) * 5
    found = matches(udp(load), udp(load[:1000] + b"\xff" + load[1001:]))
    assert [each.offset for each in found.differences] == [14 + 20 + 8 + 1000]
    assert max(map(len, [repr(found), *found.lines()])) < 90


def test_what_an_icmp_error_quotes_has_checksums_that_follow():
    def error(ttl):
        quoted = IP(src="10.0.0.2", dst="10.0.0.1", ttl=ttl) / TCP(sport=80)
        return ETHER / IP() / ICMP(type=3) / quoted

    assert [each.name for each in differences(error(8), error(9))] == ["IPerror.ttl"]
    stale = bytearray(bytes(error(8)))
    stale[-1] ^= 1
    names = [each.layer for each in wrong_checksums(bytes(stale))]
    assert names == ["ICMP"]


def test_a_packet_that_is_cut_short_is_never_a_match():
    whole = bytes(udp())
    assert not matches(whole[:-1], whole)
    assert not matches(whole[:-1], whole, ignore=["IP.id"])


def test_the_repr_of_a_match_is_one_line():
    assert repr(matches(udp(), udp())) == "<the packets match>"
    got = udp(ttl=63, id=7, tos=4, flags="DF")
    assert repr(matches(got, udp())) == "<not as expected: IP.tos 0x4, IP.id 7, IP.flags DF and 1 more>"


def test_long_tables_are_cut_with_the_count():
    lines = matches(udp(ttl=63, id=7, tos=4), udp()).lines(1)
    assert lines[-1] == "... 2 more fields; -vv shows all"
    assert len(lines) == 3


@pytest.mark.parametrize(
    "packet",
    [
        udp(),
        ETHER / IP() / TCP(options=[("WScale", 5)]) / b"odd",
        ETHER / IP() / ICMP() / b"ping",
        ETHER / IPv6() / UDP() / b"abc",
        ETHER / IPv6() / TCP(options=[("MSS", 5)]) / b"abc",
        ETHER / IPv6() / ICMPv6EchoRequest(data=b"abc"),
        ETHER / IP() / IP() / UDP() / b"inner",
    ],
    ids=lambda packet: packet.summary(),
)
def test_checksums_are_verified_for_each_protocol(packet):
    data = bytearray(bytes(packet))
    assert wrong_checksums(bytes(data)) == []
    data[-1] ^= 1
    (wrong,) = wrong_checksums(bytes(data))
    assert str(wrong).startswith(f"{wrong.layer}.{wrong.field}: {wrong.stated:#06x} is wrong; ")


@pytest.mark.parametrize(
    "packet",
    [
        ETHER / IP(flags="MF") / UDP(chksum=1) / b"part",
        ETHER / IP(frag=9) / b"part",
        ETHER / IP() / UDP(chksum=0) / b"none",
        ETHER / IPv6() / IPv6ExtHdrFragment(m=1, nh=17) / UDP(chksum=1) / b"part",
        bytes(udp())[:-1],
    ],
    ids=["first fragment", "later fragment", "no checksum", "fragment of IPv6", "cut short"],
)
def test_checksums_that_cannot_be_verified_are_left_out(packet):
    assert wrong_checksums(packet) == []


def test_padding_is_not_part_of_a_checksum():
    assert wrong_checksums(bytes(udp(b"ab")) + bytes(16)) == []


def test_the_source_of_a_packet_makes_it_again():
    text = "Ether(dst='02:00:00:00:00:02', src='02:00:00:00:00:01')/IP(src='10.0.0.1', dst='10.0.0.2', ttl=9)"
    assert source(bytes(udp(b"hi", ttl=9))) == text + "/UDP(sport=1, dport=7)/Raw(load=b'hi')"


def test_the_source_of_what_is_no_packet_is_its_bytes():
    assert source(b"\x00\x01") == 'bytes.fromhex("0001")'


def test_the_source_keeps_what_is_wrong():
    got = Ether(bytes(udp()))
    got[IP].chksum = 1
    text = source(bytes(got))
    assert "chksum=1" in text
    assert bytes(eval(text, {"Ether": Ether, "IP": IP, "UDP": UDP, "Raw": Raw})) == bytes(got)
