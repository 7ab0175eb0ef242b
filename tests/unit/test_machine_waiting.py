"""Waiting for a machine: awake at first, asleep then, and never for longer than was asked."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Iterator

import pytest

from pytest_ebpf.machine.waiting import ready


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def poll(ends) -> select.poll:
    made = select.poll()
    made.register(ends[0], select.POLLIN)
    return made


@pytest.mark.parametrize("seconds", [0.0, 0.0002, 0.01])
def test_nothing_comes(poll, seconds):
    start = time.monotonic()
    assert ready(poll, seconds) == {}
    assert time.monotonic() - start >= seconds


@pytest.mark.parametrize("seconds", [0.0, 0.01])
def test_something_is_there(ends, poll, seconds):
    ends[1].send(b"x")
    assert ready(poll, seconds) == {ends[0].fileno(): select.POLLIN}


def test_others_take_the_processor_until_time_is_over(poll, monkeypatch):
    """What is left is below nothing then, which poll(2) takes for ever."""
    monkeypatch.setattr(os, "sched_yield", lambda: time.sleep(0.01))
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits for ever"))
    signal.alarm(60)
    try:
        assert ready(poll, 0.005) == {}
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
