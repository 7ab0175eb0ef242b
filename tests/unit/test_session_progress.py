"""The line that tells of long work."""

from __future__ import annotations

import re
from threading import Event

import pytest

from pytest_ebpf.session.progress import ProgressLine


class Soon(ProgressLine):
    """Shown at once, and then for a while."""

    patience = 0
    tick = 30


class Busy(Soon):
    """Drawn again and again."""

    tick = 0.01


class Terminal:
    """What was drawn; *drawn* is set at each text."""

    def __init__(self):
        self.texts = []
        self.drawn = Event()

    def draw(self, text):
        self.texts.append(text)
        self.drawn.set()

    def next(self):
        self.drawn.clear()
        assert self.drawn.wait(60)
        return self.texts[-1]


class Late(ProgressLine):
    """Shown of work that takes minutes."""

    patience = 300


def test_short_work_shows_nothing():
    terminal = Terminal()
    with Late("building", terminal.draw):
        pass
    assert terminal.texts == []


def test_long_work_says_what_how_far_and_for_how_long():
    terminal = Terminal()
    with Busy("kernels", terminal.draw) as line:
        line.tell("2 of 5 can start")
        terminal.next()
        assert re.fullmatch(r"kernels: 2 of 5 can start \[\d+ s\]", terminal.next())
    assert terminal.texts[-1] == ""


def test_the_line_makes_room_for_lines_that_stay():
    terminal = Terminal()
    with Soon("kernels", terminal.draw) as line:
        assert terminal.drawn.wait(60)
        line.above(lambda: terminal.texts.append("fetching"))
    assert [text.partition(" [")[0] for text in terminal.texts] == ["kernels", "", "fetching"]


def test_an_error_takes_the_line_away():
    terminal = Terminal()

    def fails():
        with Soon("kernels", terminal.draw):
            assert terminal.drawn.wait(60)
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    assert terminal.texts[-1] == ""
