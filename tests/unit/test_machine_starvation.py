"""Deadlines of a machine that the host does not let run."""

from __future__ import annotations

import socket
import subprocess
from types import SimpleNamespace

import pytest

from pytest_ebpf.guest import Guest
from pytest_ebpf.machine import machine as machines
from pytest_ebpf.machine.machine import Machine
from pytest_ebpf.machine.starvation import kept_waiting, waits


def thread(proc, number: int, text: str) -> None:
    folder = proc / "7" / "task" / str(number)
    folder.mkdir(parents=True)
    (folder / "schedstat").write_text(text)


def test_each_thread_tells_how_long_it_waited(tmp_path):
    thread(tmp_path, 7, "36364754 1874144962 153\n")
    thread(tmp_path, 8, "0 0 0\n")
    assert waits(7, tmp_path) == {"7": 1874144962, "8": 0}


def test_what_cannot_be_read_is_left_out(tmp_path):
    thread(tmp_path, 7, "")
    thread(tmp_path, 8, "what\n")
    (tmp_path / "7" / "task" / "9").mkdir()
    assert waits(7, tmp_path) == {}
    assert waits(8, tmp_path) == {}


@pytest.mark.parametrize(
    ("before", "after", "seconds"),
    [
        ({}, {"1": 5_000_000_000}, 0.0),
        ({"1": 1_000_000_000}, {}, 0.0),
        ({"1": 1_000_000_000, "2": 0}, {"1": 1_500_000_000, "2": 2_000_000_000}, 2.0),
    ],
)
def test_the_thread_that_waited_most_counts(before, after, seconds):
    assert kept_waiting(before, after) == seconds


@pytest.fixture
def machine():
    """A machine without a guest, and the agent's end of its port."""
    ends = [socket.socketpair() for _ in range(3)]
    (port, agent), (console, _), (control, _) = ends
    port.setblocking(False)
    console.setblocking(False)
    with subprocess.Popen(["sleep", "600"]) as child, Machine(child, port, console, control) as made:
        yield made, agent
        made.stop()
    for _, end in ends:
        end.close()


def test_a_deadline_is_put_off_by_the_time_in_which_it_could_not_run(machine, monkeypatch):
    made, agent = machine
    guest = Guest(made, timeout=30)
    guest.until = 30
    clock = [0.0]
    looks = iter(((0, {"1": 0}), (50, {"1": 60_000_000_000}), (80, {"1": 60_000_000_000})))

    def look(_pid: int):
        clock[0], told = next(looks)
        if clock[0] == 80:
            agent.send(b"answer")
        return told

    monkeypatch.setattr(machines, "waits", look)
    monkeypatch.setattr(machines, "_LOOK", 0.001)
    monkeypatch.setattr(machines, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    assert made.receive(6, 30) == b"answer"
    assert made.starved == 60.0
    assert guest.until == 90
