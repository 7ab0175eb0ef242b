"""Addresses of sockets as the kernel takes and gives them."""

import socket
import struct

import pytest

from pytest_ebpf.errors import UsageError
from pytest_ebpf.system.sockaddr import AF_NETLINK, AF_PACKET, AF_VSOCK, pack_address, unpack_address

INET = bytes.fromhex("0200 1f90 7f000001 0000000000000000")
INET6 = bytes.fromhex("0a00 0035 00000000 20010db8000000000000000000000001 03000000")
PACKET = bytes.fromhex("1100 0800 02000000 0000 00 06 0202030405060000")
NETLINK = bytes.fromhex("1000 0000 05000000 11000000")
VSOCK = bytes.fromhex("2800 0000 d2040000 03000000 00000000")

V4 = 'give (address, port), as in ("127.0.0.1", 80)'


@pytest.mark.parametrize(
    ("family", "address", "packed"),
    [
        (socket.AF_INET, ("127.0.0.1", 8080), INET),
        (socket.AF_INET6, ("2001:db8::1", 53, 0, 3), INET6),
        (socket.AF_UNIX, "/run/x", b"\1\0/run/x\0"),
        (socket.AF_UNIX, b"\0abstract", b"\1\0\0abstract"),
        (AF_PACKET, (2, 0x0800, bytes([2, 2, 3, 4, 5, 6])), PACKET),
        (AF_NETLINK, (5, 0x11), NETLINK),
        (AF_VSOCK, (3, 1234), VSOCK),
    ],
)
def test_both_ways(family, address, packed):
    assert pack_address(family, address) == packed
    assert unpack_address(packed) == address


def test_what_may_be_left_out():
    assert unpack_address(pack_address(socket.AF_INET6, ("::1", 80))) == ("::1", 80, 0, 0)
    assert pack_address(AF_PACKET, (2, 0x0800)) == PACKET[:11] + bytes(9)
    assert unpack_address(PACKET[:18]) == (2, 0x0800, bytes([2, 2, 3, 4, 5, 6]))


def test_sizes_are_those_of_the_kernels_structures():
    assert [len(each) for each in (INET, INET6, PACKET, NETLINK, VSOCK)] == [16, 28, 20, 12, 16]


def test_no_address():
    assert unpack_address(b"") == ""
    assert unpack_address(struct.pack("=H", socket.AF_UNIX)) == ""
    assert unpack_address(b"\xff\x00 of an unknown family") == b"\xff\x00 of an unknown family"


@pytest.mark.parametrize(
    ("family", "address", "message"),
    [
        (
            socket.AF_INET,
            ("localhost", 80),
            "('localhost', 80): not an address of family AF_INET; " + V4,
        ),
        (socket.AF_INET, ("::1", 80), "('::1', 80): not an address of family AF_INET; " + V4),
        (
            socket.AF_INET,
            ("1.2.3.4", 1 << 16),
            "('1.2.3.4', 65536): not an address of family AF_INET; " + V4,
        ),
        (
            socket.AF_INET6,
            "::1",
            (
                "'::1': not an address of family AF_INET6; "
                'give (address, port[, flow, scope]), as in ("::1", 80)'
            ),
        ),
        (AF_PACKET, (1,), "(1,): not an address of family AF_PACKET; give (index, protocol[, mac])"),
        (AF_VSOCK, (1,), "(1,): not an address of family AF_VSOCK; give (cid, port)"),
        (AF_NETLINK, 5, "5: not an address of family AF_NETLINK; give (pid, groups)"),
        (socket.AF_UNIX, ("a", 1), "('a', 1): not an address of family AF_UNIX; give a path"),
        (99, ("a", 1), "('a', 1): addresses of family 99 are not known here"),
    ],
)
def test_what_is_none(family, address, message):
    with pytest.raises(UsageError) as caught:
        pack_address(family, address)
    assert str(caught.value) == message
