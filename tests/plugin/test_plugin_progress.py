"""What is shown of long work, on a terminal and elsewhere; and the command that runs a cell again."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

MODULE = """
from pytest_ebpf import XDP

def test_fails(ebpf):
    assert ebpf.load("counter").programs.count.run(bytes(64)).verdict == XDP.DROP
"""

#: Work that is quick is shown too.
CONFTEST = "from pytest_ebpf.session.progress import ProgressLine\nProgressLine.patience = 0\n"


@pytest.fixture
def project(edge):
    (edge / "test_edge.py").write_text(MODULE)
    (edge / "conftest.py").write_text(CONFTEST)
    return edge


def on_terminal(folder, *options):
    """What pytest writes to a terminal of its own."""
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "pytest", "-p", "ebpf", "-p", "no:cacheprovider", *options]
    done = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b""
    try:
        while data := os.read(ours, 65536):
            written += data
    except OSError:  # EIO: the other end is closed
        pass
    finally:
        os.close(ours)
        done.wait(120)
    return written.decode()


def test_a_terminal_shows_what_is_going_on_and_then_no_more(project):
    written = on_terminal(project, "--ebpf-kernel", "6.12")
    assert "\rebpf: building [" in written
    _, _, after = written.rpartition("ebpf: building [")
    assert after.partition("\r")[2].lstrip().startswith("=")
    assert "test session starts" in after


def test_nothing_is_shown_with_q(project):
    assert "ebpf: building" not in on_terminal(project, "--ebpf-kernel", "6.12", "-q")


def test_nothing_is_drawn_where_there_is_no_terminal(project, pytester):
    result = pytester.runpytest_subprocess("-p", "ebpf", "--ebpf-kernel", "6.12")
    assert "\r" not in result.stdout.str()
    assert "building" not in result.stdout.str()


def test_the_command_to_run_a_cell_again_has_the_options_that_matter(project, pytester):
    given = ["--ebpf-isolation", "module", "--ebpf-timeout", "50", "--ebpf-kernel", "6.12"]
    below = project / "below"
    below.mkdir()
    os.chdir(below)
    lines = pytester.runpytest_subprocess("-p", "ebpf", *given, "..").outlines
    assert (
        "pytest -p ebpf '../test_edge.py::test_fails[6.12]' --ebpf-kernel 6.12 --ebpf-isolation module "
        "--ebpf-timeout 50"
    ) in lines
