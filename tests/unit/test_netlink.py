"""Messages of netlink against what ``ip`` of iproute2 6.1 sends (recorded with strace, sequence number 0)."""

from __future__ import annotations

import struct
from itertools import takewhile
from pathlib import Path

import pytest

from pytest_ebpf.errors import ProtocolError, UsageError
from pytest_ebpf.system import netlink, routes, rtnetlink
from pytest_ebpf.system.netlink import Ack, Message
from pytest_ebpf.system.rtnetlink import NewLink

RECORDED = Path(__file__).parent / "data" / "netlink" / "iproute2-6.1.txt"

OURS = {
    "ip link add name a type veth peer name b": rtnetlink.veth("a", NewLink("veth", "b")).request(),
    "ip link add name dd type dummy": NewLink("dummy", "dd").request(),
    "ip link add name i type ifb": NewLink("ifb", "i").request(),
    "ip link set lo up": rtnetlink.set_link(1, "lo", up=True),
    "ip link set lo mtu 1400": rtnetlink.set_link(1, "lo", mtu=1400),
    "ip link set dev a address 02:00:00:00:00:01": rtnetlink.set_link(3, "a", mac="02:00:00:00:00:01"),
    "ip link set dev a addrgenmode none": rtnetlink.quiet_link(3, "a"),
    "ip link del i": rtnetlink.delete_link(4, "i"),
    "ip addr add 10.0.0.1/24 dev lo": rtnetlink.add_address(1, "10.0.0.1/24", "lo"),
    "ip addr add fd00::1/64 dev lo nodad": rtnetlink.add_address(1, "fd00::1/64", "lo"),
    "ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev lo nud permanent": rtnetlink.add_neighbour(
        1, "10.0.0.2", "02:00:00:00:00:02", "lo"
    ),
    "ip route add 10.1.0.0/16 via 10.0.0.2 dev lo": routes.add_route("10.1.0.0/16", 1, via="10.0.0.2"),
    "ip route add 10.2.0.0/16 dev lo": routes.add_route("10.2.0.0/16", 1),
    "ip -6 route add fd01::/64 dev lo": routes.add_route("fd01::/64", 1),
    "ip route add default dev lo": routes.add_route("0.0.0.0/0", 1),
    "ip route del 10.2.0.0/16 dev lo": routes.delete_route("10.2.0.0/16", 1),
    "ip route add 10.2.0.0/16 encap bpf headroom 14 in obj lwt.o section in dev lo": routes.add_route(
        "10.2.0.0/16", 1, programs={"in": (6, "lwt.o:[in]")}, headroom=14
    ),
}


def recorded(command: str) -> bytes:
    """What ``ip`` sent for *command*, which stands in a line above the bytes.

    In one place it leaves its padding as the memory was.
    """
    _, _, after = RECORDED.read_text().partition(f"{command}\n")
    sent = bytes.fromhex("".join(takewhile(lambda line: line.startswith(" "), after.splitlines())))
    return sent.replace(b"\6\0\x15\0\6\0\1\0", b"\6\0\x15\0\6\0\0\0")


@pytest.mark.parametrize("command", OURS)
def test_is_what_ip_sends(command):
    assert OURS[command].encode(0).hex() == recorded(command).hex()


def test_a_tunnel_has_its_settings():
    made = rtnetlink.vxlan("vx", vni=7, remote="10.0.0.2", local="10.0.0.1", port=4790, link=1)
    command = "ip link add name vx type vxlan id 7 remote 10.0.0.2 local 10.0.0.1 dstport 4790 dev lo"
    learning = {7: b"\1"}  # IFLA_VXLAN_LEARNING, which is so by default
    assert {**netlink.attributes(made.data), **learning} == data_of(recorded(command))
    assert netlink.attributes(rtnetlink.vxlan("vx", vni=None, local="::1").data) == {
        15: b"\x12\xb5",
        25: b"\1",
        17: bytes(15) + b"\1",
    }


def data_of(message: bytes) -> dict[int, bytes]:
    """IFLA_INFO_DATA of IFLA_LINKINFO."""
    (one,) = netlink.messages(message)
    return netlink.attributes(netlink.attributes(netlink.attributes(one.body, 16)[18])[2])


def test_a_netkit_pair_has_its_settings():
    # enum of IFLA_NETKIT_*: PEER_INFO 1, POLICY 3, PEER_POLICY 4, MODE 5
    made = rtnetlink.netkit(
        "k", NewLink("netkit", "p", netns=9), mode="l2", policy="forward", peer_policy="blackhole"
    )
    held = netlink.attributes(made.data)
    assert (held[3], held[4], held[5]) == (netlink.u32(0), netlink.u32(2), netlink.u32(0))
    assert netlink.attributes(held[1], 16) == {3: b"p\0", 28: netlink.u32(9)}
    assert netlink.attributes(netlink.attributes(made.request().body, 16)[18])[1] == b"netkit"


def test_a_device_may_be_made_with_a_mac_an_mtu_and_in_a_namespace():
    body = NewLink("dummy", "d", mac="02:00:00:00:00:09", mtu=1280, netns=5).request().body
    found = netlink.attributes(body, 16)
    assert (found[1], found[4], found[28]) == (
        bytes.fromhex("020000000009"),
        netlink.u32(1280),
        netlink.u32(5),
    )


def test_several_requests_are_one_datagram():
    requests = [rtnetlink.set_link(1, "lo", up=True), rtnetlink.get_link("lo", "lo")]
    found = netlink.messages(netlink.joined(requests, 7))
    assert [(each.type, each.sequence) for each in found] == [(16, 7), (18, 8)]


class TestAnswers:
    def test_a_link(self):
        body = struct.pack("=BxHiII", 0, 1, 3, 0x1003, 0) + b"".join(
            [
                netlink.attribute(3, b"a\0"),
                netlink.attribute(4, netlink.u32(1300)),
                netlink.attribute(1, bytes.fromhex("5edc39912323")),
                netlink.nested(18, netlink.attribute(1, b"veth\0")),
            ]
        )
        found = rtnetlink.read_link(Message(16, 0, 1, body))
        assert found == rtnetlink.LinkFacts("a", 3, True, "5e:dc:39:91:23:23", 1300, "veth")

    def test_carried_out(self):
        # struct nlmsgerr: error 0, the request's header
        body = struct.pack("=i", 0) + struct.pack("=IHHII", 32, 16, 5, 1, 0)
        assert netlink.ack(Message(netlink.ERROR, 0x100, 1, body)) == Ack(0, "")

    def test_a_failure_in_words_after_the_request(self):
        said = netlink.attribute(1, b"Unknown device type\0")
        body = struct.pack("=i", -95) + struct.pack("=IHHII", 22, 16, 5, 1, 0) + bytes(8) + said
        assert netlink.ack(Message(netlink.ERROR, 0x200, 1, body)) == Ack(95, "Unknown device type")

    def test_a_failure_in_words_without_the_request(self):
        said = netlink.attribute(1, b"no\0")
        body = struct.pack("=i", -1) + struct.pack("=IHHII", 4000, 16, 5, 1, 0) + said
        assert netlink.ack(Message(netlink.ERROR, 0x300, 1, body)) == Ack(1, "no")

    @pytest.mark.parametrize(
        ("data", "text"),
        [
            (b"abc", "netlink: 3 bytes are no message"),
            (struct.pack("=IHHII", 17, 2, 0, 0, 0), "netlink: a message of 17 bytes in 16"),
            (struct.pack("=IHHII", 15, 2, 0, 0, 0), "netlink: a message of 15 bytes in 16"),
        ],
    )
    def test_bytes_that_are_no_messages(self, data, text):
        with pytest.raises(ProtocolError) as caught:
            netlink.messages(data)
        assert str(caught.value) == text

    @pytest.mark.parametrize(
        ("data", "text"),
        [
            (b"ab", "netlink: 2 bytes are no attribute"),
            (b"\3\0\1\0", "netlink: an attribute of 3 bytes in 4"),
            (b"\5\0\1\0", "netlink: an attribute of 5 bytes in 4"),
        ],
    )
    def test_bytes_that_are_no_attributes(self, data, text):
        with pytest.raises(ProtocolError) as caught:
            netlink.attributes(data)
        assert str(caught.value) == text

    @pytest.mark.parametrize("status", [1, -4096, -(1 << 31)])
    def test_a_status_that_is_no_errno(self, status):
        body = struct.pack("=i", status) + bytes(16)
        with pytest.raises(ProtocolError) as caught:
            netlink.ack(Message(netlink.ERROR, 0, 1, body))
        assert str(caught.value) == f"netlink: an acknowledgement whose status is {status}"

    def test_the_wrong_kind_of_message(self):
        with pytest.raises(ProtocolError) as caught:
            netlink.ack(Message(16, 0, 1, bytes(20)))
        assert str(caught.value) == "netlink: message of type 16 is no acknowledgement"
        with pytest.raises(ProtocolError) as caught:
            rtnetlink.read_link(Message(2, 0, 1, bytes(20)))
        assert str(caught.value) == "netlink: message of type 2 tells of no device"


class TestMistakes:
    @pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "eth0:1", "a%d", "sixteen-letters-"])
    def test_names(self, name):
        with pytest.raises(UsageError) as caught:
            rtnetlink.check_name(name)
        assert str(caught.value) == (
            f'"{name}" is no name of a network device; use 1 to 15 bytes without spaces and slashes'
        )

    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (
                lambda: rtnetlink.add_address(1, "10.0.0.300/8", 'device "a"'),
                'device "a": "10.0.0.300/8" is no address with a prefix; write it like "10.0.0.1/24"',
            ),
            (
                lambda: rtnetlink.add_neighbour(1, "x", "02:00:00:00:00:02", "a"),
                '"x" is no IP address; write it like "10.0.0.1"',
            ),
            (
                lambda: rtnetlink.mac_address("2:0:0:0:0:2"),
                '"2:0:0:0:0:2" is no MAC address; write it like "02:00:00:00:00:01"',
            ),
            (
                lambda: rtnetlink.netkit(
                    "k", NewLink("netkit", "p"), mode="l4", policy="forward", peer_policy="forward"
                ),
                'netkit "k": mode is none of l2, l3 ("l4")',
            ),
            (
                lambda: routes.add_route("1.0.0.1/8", 1),
                'route: "1.0.0.1/8" is no network (1.0.0.1/8 has host bits set); write it like "10.1.0.0/16"',
            ),
            (
                lambda: routes.add_route("10.1.0.0/16", 1, via="fd00::1"),
                "route 10.1.0.0/16: fd00::1 is no next hop of IPv4",
            ),
        ],
    )
    def test_settings(self, make, text):
        with pytest.raises(UsageError) as caught:
            make()
        assert str(caught.value) == text
