"""The whole way of an event: a command in the guest, a program that sees it, a typed record in the test."""

from __future__ import annotations

import errno

import pytest

from pytest_ebpf.session.ebpf import Ebpf


@pytest.mark.hook("fexit, events")
def test_counts_failed_opens(ebpf: Ebpf) -> None:
    tool = ebpf.load("opensnoop")
    tool.attach()
    ebpf.guest.run(["cat", "/nope"], check=False)
    event = tool.maps.events.next(timeout=2)
    assert (event.comm, event.fname, event.ret) == ("cat", "/nope", -errno.ENOENT)
