"""Our end of a wire: frames that wait, room that is waited for, a machine that hangs up."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from pytest_ebpf.errors import GuestLostError
from pytest_ebpf.machine.wires import WireEnd, pair


@dataclass
class Bench:
    """A wire end with the other side of all it has to do with."""

    end: WireEnd
    card: socket.socket
    port: socket.socket
    console: socket.socket
    attended: list[bytes] = field(default_factory=list)


@pytest.fixture
def bench() -> Iterator[Bench]:
    ours, card = pair()
    port, far_port = socket.socketpair()
    console, far_console = socket.socketpair()
    end = WireEnd(
        ours,
        port=port,
        console=console,
        lost=lambda: GuestLostError("the machine ended"),
        attend=lambda: made.attended.append(console.recv(100)),
    )
    made = Bench(end, card, far_port, far_console)
    card.setblocking(False)
    yield made
    for each in (ours, card, port, far_port, console, far_console):
        each.close()


def soon(seconds: float = 10) -> float:
    return time.monotonic() + seconds


def test_frames_keep_their_bounds_and_their_order(bench):
    for frame in (b"one", b"two"):
        bench.card.send(frame)
    assert [bench.end.receive(soon()), bench.end.take(), bench.end.take()] == [b"one", b"two", None]


def test_when_none_comes_time_is_over(bench):
    start = time.monotonic()
    assert bench.end.receive(soon(0.02)) is None
    assert 0.02 <= time.monotonic() - start < 10  # not for ever, on a host that does much else too


def test_what_was_sent_is_counted(bench):
    assert [bench.end.offer(b"x"), bench.end.offer(b"y")] == [True, True]
    assert (bench.end.sent, bench.card.recv(10)) == (2, b"x")


def test_a_full_wire_takes_no_more_until_the_card_takes_some(bench):
    while bench.end.offer(bytes(1514)):
        pass
    assert bench.end.sent > 100
    assert not bench.end.make_room(soon(0.01))
    for _ in range(bench.end.sent):
        bench.card.recv(2000)
    assert bench.end.make_room(soon())
    assert bench.end.offer(bytes(1514))


def test_a_frame_that_comes_ends_the_wait_for_room(bench):
    while bench.end.offer(bytes(1514)):
        pass
    bench.card.send(b"read me")
    assert bench.end.make_room(soon())
    assert bench.end.take() == b"read me"


def test_the_console_is_taken_in_meanwhile(bench):
    bench.console.send(b"a line")
    assert bench.end.receive(soon(0.3)) is None
    assert bench.attended == [b"a line"]


def test_a_machine_that_hangs_up_is_told_after_its_last_frame(bench):
    bench.card.send(b"last")
    bench.port.close()
    assert bench.end.receive(soon()) == b"last"
    with pytest.raises(GuestLostError):
        bench.end.receive(soon())


def test_a_card_that_is_gone_takes_no_frame(bench):
    bench.card.close()
    with pytest.raises(GuestLostError):
        bench.end.offer(b"x")


def test_what_was_not_read_can_be_dropped(bench):
    for _ in range(5):
        bench.card.send(b"old")
    bench.end.drop()
    bench.card.send(b"new")
    assert bench.end.take() == b"new"
