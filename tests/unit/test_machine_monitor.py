"""The emulator's control channel, with the test at its other end."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from pytest_ebpf.errors import DeadlineError, MachineError
from pytest_ebpf.machine import monitor
from pytest_ebpf.machine.monitor import Monitor

GREETING = {"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": []}}
DONE = {"return": {}}


class Emulator:
    """The other end: says what it is told to, and keeps what it is asked."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end

    def says(self, *messages: object) -> None:
        for message in messages:
            self.end.sendall(json.dumps(message).encode() + b"\r\n")

    def was_asked(self) -> list[dict[str, object]]:
        data = b""
        self.end.setblocking(False)
        with suppress(BlockingIOError):
            while piece := self.end.recv(1 << 16):
                data += piece
        self.end.setblocking(True)
        return [json.loads(line) for line in data.splitlines()]


@pytest.fixture
def ends() -> Iterator[tuple[Monitor, Emulator]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Monitor(ours), Emulator(theirs)


@pytest.fixture
def control(ends):
    return ends[0]


@pytest.fixture
def emulator(ends):
    return ends[1]


def soon() -> float:
    return time.monotonic() + 5


def test_it_starts_with_capabilities_and_sends_commands_as_json(control, emulator):
    emulator.says(GREETING, DONE, {"return": {"status": "running"}})
    assert control.ask("query-status", soon()) == {"status": "running"}
    assert emulator.was_asked() == [
        {"execute": "qmp_capabilities", "arguments": {}},
        {"execute": "query-status", "arguments": {}},
    ]


def test_what_was_told_is_not_waited_for(control, emulator):
    control.tell("migrate-incoming", uri="fd:3")
    assert emulator.was_asked()[1] == {"execute": "migrate-incoming", "arguments": {"uri": "fd:3"}}


def test_answers_to_what_was_told_are_dropped_even_when_they_are_errors(control, emulator):
    control.tell("one")
    control.tell("two")
    emulator.says(GREETING, DONE, {"error": {"desc": "no"}}, DONE, {"return": {"n": 4}})
    assert control.ask("three", soon()) == {"n": 4}


def test_events_in_between_do_not_matter(control, emulator):
    emulator.says(GREETING, DONE, {"event": "STOP"}, {"event": "MIGRATION"}, [], 5, {"return": {"n": 1}})
    assert control.ask("query-migrate", soon()) == {"n": 1}


def test_an_answer_may_come_in_pieces(control, emulator):
    emulator.says(GREETING, DONE)
    emulator.end.sendall(b'{"retu')
    emulator.end.sendall(b'rn": {"n": 1}}\n')
    assert control.ask("query", soon()) == {"n": 1}


def test_an_answer_that_is_no_map_is_none(control, emulator):
    emulator.says(GREETING, DONE, {"return": "text"})
    assert control.ask("query", soon()) == {}


def test_descriptors_go_with_a_command(control, emulator):
    emulator.says(GREETING, DONE, DONE)
    emulator.was_asked()
    read, write = os.pipe()
    control.ask("getfd", soon(), descriptors=[write], fdname="state")
    _, (received,), _, _ = socket.recv_fds(emulator.end, 1 << 16, 4)
    os.write(received, b"through")
    assert os.read(read, 7) == b"through"
    for descriptor in (read, write, received):
        os.close(descriptor)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"class": "GenericError", "desc": "State blocked"}, "State blocked"),
        ({}, "no reason"),
        (None, "no reason"),
        ("text", "no reason"),
    ],
)
def test_a_refusal_is_told_with_its_reason(control, emulator, error, reason):
    emulator.says(GREETING, DONE, {"error": error})
    with pytest.raises(MachineError) as caught:
        control.ask("migrate", soon())
    assert str(caught.value) == f"the emulator refuses migrate ({reason})"


@pytest.mark.parametrize("line", [b"hello\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"\n"])
def test_a_line_that_is_not_json_is_said(control, emulator, line):
    emulator.end.sendall(line)
    with pytest.raises(MachineError, match=r"^the emulator's monitor does not speak QMP$"):
        control.ask("query", soon())


def test_a_line_without_an_end_is_not_kept_for_ever(control, emulator):
    def talk() -> None:
        with suppress(OSError):  # nobody reads on
            emulator.end.sendall(b"x" * (2 << 20))

    threading.Thread(target=talk, daemon=True).start()
    with pytest.raises(MachineError, match=r"^the emulator's monitor does not speak QMP$"):
        control.ask("query", soon())


def test_an_emulator_that_reads_nothing_meets_a_deadline(control, monkeypatch):
    monkeypatch.setattr(monitor, "_PATIENCE", 0.05)

    def tell_on_and_on() -> None:
        while True:
            control.tell("query-status")

    with pytest.raises(DeadlineError, match=r"^the emulator's monitor does not read$"):
        tell_on_and_on()


def test_silence_meets_the_deadline(control, emulator):
    emulator.says(GREETING)
    with pytest.raises(DeadlineError, match=r"^the emulator's monitor did not answer in time$"):
        control.ask("query", time.monotonic() + 0.05)


def test_an_emulator_that_hangs_up_is_gone(control, emulator):
    emulator.says(GREETING, DONE)
    emulator.was_asked()
    emulator.end.shutdown(socket.SHUT_WR)
    with pytest.raises(MachineError, match=r"^the emulator is gone$"):
        control.ask("query", soon())
    emulator.end.close()
    control.tell("query")  # nobody waits for an answer; the port of the guest will tell
    with pytest.raises(MachineError, match=r"^the emulator is gone \(Broken pipe\)$"):
        control.ask("query", soon())


def test_saving_waits_until_all_is_written(control, emulator, tmp_path):
    emulator.says(
        GREETING, *[DONE] * 4, {"return": {"status": "active"}}, {"return": {"status": "completed"}}
    )
    with (tmp_path / "state").open("wb") as state:
        monitor.save(control, state.fileno(), soon())
    asked = [command["execute"] for command in emulator.was_asked()]
    assert asked[-4:] == ["getfd", "migrate", "query-migrate", "query-migrate"]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_machine_that_cannot_be_saved_is_said(control, emulator, tmp_path, status):
    emulator.says(GREETING, *[DONE] * 4, {"return": {"status": status}})
    with (tmp_path / "state").open("wb") as state, pytest.raises(MachineError) as caught:
        monitor.save(control, state.fileno(), soon())
    assert str(caught.value) == f"the machine could not be saved ({status})"


def test_saving_has_a_deadline(control, emulator, tmp_path):
    emulator.says(GREETING, *[DONE] * 4, *[{"return": {"status": "active"}}] * 200)
    with (tmp_path / "state").open("wb") as state, pytest.raises(DeadlineError):
        monitor.save(control, state.fileno(), time.monotonic() + 0.05)
