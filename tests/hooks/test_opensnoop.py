"""The whole way of an event: an open in the guest, a program that sees it, a typed record in the test."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.system.syscalls import AT_FDCWD

OPEN, OPENAT2 = 2, 437


@pytest.mark.hook("fexit, events")
def test_counts_failed_opens(ebpf: Ebpf) -> None:
    tool = ebpf.load("opensnoop")
    tool.attach()
    ebpf.guest.run(["cat", "/nope"], check=False)
    event = tool.maps.events.next(timeout=2)
    assert (event.comm, event.fname, event.ret) == ("cat", "/nope", -errno.ENOENT)


@pytest.mark.hook("fexit, events")
def test_sees_a_process_open_in_every_way(ebpf: Ebpf) -> None:
    tool = ebpf.load("opensnoop")
    tool.attach()
    process = ebpf.guest.process("nginx")
    with pytest.raises(FileNotFoundError):
        process.open("/nope")
    how = struct.pack("=QQQ", os.O_RDONLY, 0, 0)
    process.syscalls([(OPEN, (b"/nope\0", 0, 0)), (OPENAT2, (AT_FDCWD, b"/nope\0", how, len(how)))])
    seen = [(event.pid, event.fname, event.ret) for event in tool.maps.events.read()]
    assert seen == [(process.pid, "/nope", -errno.ENOENT)] * 3
