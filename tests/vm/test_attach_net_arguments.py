"""Arguments of the op ``attach`` for the network's ways: an errno and a text that names what is wrong."""

from __future__ import annotations

import errno
import struct

import pytest

from pytest_ebpf.errors import GuestError
from pytest_ebpf.uapi import ProgType

#: ``r0 = 0; exit``.
NOTHING = struct.pack("<BBhi", 0xB7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0)

ON_LO = {"interface": "lo"}

WRONG = [
    ("tc", {}, errno.EINVAL, "interface: missing"),
    ("tc", {"interface": "x" * 16}, errno.EINVAL, "interface: longer than 15 bytes (16)"),
    ("tc", {"interface": -1}, errno.EINVAL, "interface: not an unsigned integer"),
    ("tc", {"interface": 1 << 31}, errno.ENODEV, "interface: no device 2147483648"),
    ("tc", {"interface": "nowhere0"}, errno.ENODEV, 'interface: no device "nowhere0"'),
    ("tc", ON_LO, errno.EINVAL, "point: missing"),
    ("tc", {**ON_LO, "point": "forward"}, errno.EINVAL, "point: no such point (forward)"),
    ("tc", {**ON_LO, "point": "ingress", "handle": "x"}, errno.EINVAL, "handle: not an unsigned integer"),
    ("tc", {**ON_LO, "netns": "/run/netns/x"}, errno.ENOENT, "netns: /run/netns/x"),
    ("tc", {**ON_LO, "netns": "/proc/version"}, errno.EINVAL, "netns: /proc/version"),
    ("xdp", {**ON_LO, "mode": "fast"}, errno.EINVAL, "mode: no such mode (fast)"),
    ("tcx", {**ON_LO, "attach_type": "x"}, errno.EINVAL, "attach_type: not an unsigned integer"),
    ("cgroup", {}, errno.EINVAL, "cgroup: missing"),
    ("cgroup", {"cgroup": "/proc/version"}, errno.ENOTDIR, "cgroup: /proc/version"),
    ("cgroup", {"cgroup": "/nowhere"}, errno.ENOENT, "cgroup: /nowhere"),
    ("sockmap", {"map": 99_999}, errno.ENOENT, "map: no such handle (99999)"),
    ("netfilter", {}, errno.EINVAL, "prog: not of an object, which netfilter needs"),
    ("netns", {}, errno.EINVAL, "prog: not of an object, which netns needs"),
    ("smoke", {}, errno.EINVAL, "how: no such way (smoke)"),
]


@pytest.fixture
def line():
    return "7.2"


@pytest.mark.parametrize(("how", "args", "number", "what"), WRONG, ids=[what for *_, what in WRONG])
def test_what_is_wrong(guest, how, args, number, what):
    made = guest.call("assemble", type=ProgType.SCHED_CLS, attach_type=0, insns=NOTHING, license="GPL")
    with pytest.raises(GuestError) as caught:
        guest.call("attach", prog=made["prog"], how=how, **args)
    assert (caught.value.errno, caught.value.details["what"]) == (number, what)


@pytest.mark.parametrize(
    ("args", "what"),
    [
        ({}, "pf: missing"),
        ({"pf": 2, "hook": 1}, "priority: missing"),
        ({"pf": 2, "hook": 1, "priority": 1 << 31}, "priority: not a number of 32 bits"),
        ({"pf": 2, "hook": 1, "priority": -(1 << 31) - 1}, "priority: not a number of 32 bits"),
        ({"pf": 2, "hook": 1, "priority": "x"}, "priority: not a number of 32 bits"),
        ({"pf": 2, "hook": 9, "priority": 0}, "hook 9 of protocol family 2 at priority 0"),
    ],
)
def test_what_is_wrong_of_netfilter(guest, load_object, args, what):
    program = load_object("nethooks", autoload={"on_netfilter": True}).programs.on_netfilter
    with pytest.raises(GuestError) as caught:
        guest.call("attach", prog=program.handle, how="netfilter", **args)
    assert caught.value.details["what"] == what
