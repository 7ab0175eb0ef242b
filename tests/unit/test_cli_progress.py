"""The line on a terminal while ``ebpf-build`` works."""

from __future__ import annotations

import io
import sys

import pytest

from pytest_ebpf.cli.build import say
from pytest_ebpf.cli.progress import ERASE, working
from pytest_ebpf.session.progress import ProgressLine


class Terminal(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(ProgressLine, "patience", 0)
    monkeypatch.setattr(ProgressLine, "tick", 0.01)
    return sys.stderr


def work_until(terminal, text, what):
    """Work as long as *text* is not shown."""
    with working(what) as tell:
        tell("1 of 2")
        while text not in terminal.getvalue():
            pass
        say("a line that stays")


def test_it_says_what_and_how_far_and_is_taken_away(terminal):
    work_until(terminal, "kernels: 1 of 2 [0 s]", "kernels")
    shown = terminal.getvalue()
    assert f"{ERASE}a line that stays\n" in shown
    assert shown.endswith(ERASE)


def test_nothing_is_shown_if_quiet(terminal):
    with working("building", quiet=True) as tell:
        tell("1 of 2")
    assert terminal.getvalue() == ""


def test_nothing_is_shown_where_there_is_no_terminal(capsys):
    with working("building") as tell:
        tell("1 of 2")
        say("a line")
    assert capsys.readouterr().err == "a line\n"
