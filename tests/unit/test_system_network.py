"""What the guest's kernel answers to requests about its networks: datagrams as in netlink(7)."""

from __future__ import annotations

import errno
import struct

import pytest

from pytest_ebpf.errors import GuestError, ProtocolError, UnsupportedError
from pytest_ebpf.system import network, rtnetlink
from pytest_ebpf.system.naming import about
from pytest_ebpf.system.netlink import ERROR, attribute
from pytest_ebpf.system.rtnetlink import NewLink

MAKE = NewLink("veth", "a").request()
ASK = rtnetlink.get_link("a", 'device "a"')


def message(kind: int, sequence: int, body: bytes, flags: int = 0) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body


def answer(sequence: int, number: int, text: str = "") -> bytes:
    body = struct.pack("=iIHHII", -number, 16, 0, 0, sequence, 0)
    said = attribute(1, text.encode() + b"\0") if text else b""
    return message(ERROR, sequence, body + said, 0x200 if text else 0)


def test_acknowledgements_and_what_was_asked_for():
    found = network.read_answers((MAKE, ASK), 3, [answer(3, 0), message(16, 4, b"link") + answer(4, 0)])
    assert [each.body for each in found] == [b"link"]


def test_the_first_failure_is_told():
    with pytest.raises(GuestError) as caught:
        network.read_answers((MAKE, ASK), 1, [answer(1, errno.EEXIST), answer(2, errno.ENODEV)])
    assert str(caught.value) == ('veth "a": File exists; take another name, or remove the one that is there')
    assert caught.value.errno == errno.EEXIST


def test_the_kernel_may_say_more():
    with pytest.raises(GuestError) as caught:
        network.read_answers((ASK,), 1, [answer(1, errno.EINVAL, "mtu greater than device maximum")])
    assert str(caught.value) == 'device "a": Invalid argument (mtu greater than device maximum)'


def test_a_kind_of_device_that_the_kernel_does_not_have():
    with pytest.raises(UnsupportedError) as caught:
        network.read_answers((MAKE,), 1, [answer(1, errno.EOPNOTSUPP, "Unknown device type")])
    assert str(caught.value) == 'veth "a": this kernel has no veth devices'


@pytest.mark.parametrize(
    ("datagrams", "text"),
    [
        ([], "netlink: no acknowledgement of 1 requests"),
        ([answer(9, 0)], "netlink: an acknowledgement of nothing that was asked"),
    ],
)
def test_answers_that_are_none(datagrams, text):
    with pytest.raises(ProtocolError) as caught:
        network.read_answers((MAKE,), 1, datagrams)
    assert str(caught.value) == text


def test_failed_system_calls_say_what_they_were_about():
    with pytest.raises(GuestError) as caught, about("cgroup", {errno.EEXIST: "close it"}):
        raise FileExistsError(errno.EEXIST, "File exists", "/sys/fs/cgroup/one")
    assert str(caught.value) == "cgroup: File exists; close it"
