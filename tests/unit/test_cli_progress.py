"""The line on a terminal while ``ebpf-build`` works."""

from __future__ import annotations

import io
import sys
from threading import Event

from pytest_ebpf.cli.progress import ERASE, say, working
from pytest_ebpf.session.progress import ProgressLine


class Terminal(io.StringIO):
    """Standard error that is a terminal; *seen* is set when it has shown how far work is."""

    def __init__(self):
        super().__init__()
        self.seen = Event()

    def write(self, text):
        if "1 of 2" in text:
            self.seen.set()
        return super().write(text)

    def isatty(self):
        return True


def terminal(monkeypatch):
    """Put a terminal in the place of standard error; not in a fixture, after which pytest captures again."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(ProgressLine, "patience", 0)
    monkeypatch.setattr(ProgressLine, "tick", 0.01)
    return sys.stderr


def test_it_says_what_and_how_far_and_is_taken_away(monkeypatch):
    shows = terminal(monkeypatch)
    with working("kernels") as tell:
        tell("1 of 2")
        assert shows.seen.wait(60)
        say("a line that stays")
    shown = shows.getvalue()
    assert f"{ERASE}kernels: 1 of 2 [" in shown
    assert f"{ERASE}a line that stays\n" in shown
    assert shown.endswith(ERASE)


def test_nothing_is_shown_if_quiet(monkeypatch):
    shows = terminal(monkeypatch)
    with working("building", quiet=True) as tell:
        tell("1 of 2")
    assert shows.getvalue() == ""


def test_nothing_is_shown_where_there_is_no_terminal(capsys):
    with working("building") as tell:
        tell("1 of 2")
        say("a line")
    assert capsys.readouterr().err == "a line\n"
