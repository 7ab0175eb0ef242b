"""Tables of programs that a part of the kernel calls: congestion controls, schedulers."""

from __future__ import annotations

import socket

import pytest

from pytest_ebpf.session.ebpf import Ebpf


@pytest.mark.hook("struct_ops")
def test_congestion_control(ebpf: Ebpf) -> None:
    congestion = ebpf.load("congestion")
    congestion.maps.steady.attach()
    client, server = ebpf.guest.process().tcp_pair()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"steady")
    assert congestion.globals.seen == 1
    client.send(b"hello")
    assert server.recv() == b"hello"


@pytest.mark.hook("struct_ops.link")
def test_again(ebpf: Ebpf) -> None:
    link = ebpf.load("congestion_link").maps.steady.attach()
    client = ebpf.guest.process().socket()
    link.detach()
    with pytest.raises(FileNotFoundError):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"steady")
    link.attach()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"steady")


@pytest.mark.hook("struct_ops, sched_ext")
def test_scheduler(ebpf: Ebpf) -> None:
    scheduler = ebpf.load("scheduler")
    with scheduler.maps.fair.attach():
        assert ebpf.guest.files.text("/sys/kernel/sched_ext/root/ops").strip() == "fair"
    assert scheduler.globals.seen > 0  # the tasks that there were
