"""However a run ends, no machine is left, and what was found out by then is told."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

#: The second test is ended in the middle of a call.
MODULE = """
import pathlib

def test_counts(ebpf):
    ebpf.load(Counter)

def test_is_busy(ebpf):
    counter = ebpf.load(Counter)
    pathlib.Path(f"busy-{os.getpid()}").touch()
    while True:
        counter.programs.count.run(bytes(64), repeat=1_000_000)
"""

pytestmark = pytest.mark.usefixtures("no_machine_left")


@pytest.fixture
def started(edge, make_module):
    """A run that has come to the middle of its second test."""
    make_module(MODULE)
    processes = []

    def start(*options):
        argv = [sys.executable, "-m", "pytest", "-p", "ebpf", "-v", "--ebpf-kernel", "6.12", *options]
        with (edge / "output").open("w") as output:
            process = subprocess.Popen(argv, cwd=edge, stdout=output, stderr=subprocess.STDOUT)
        processes.append(process)
        ready = lambda: "PASSED" in (edge / "output").read_text() and list(edge.glob("busy-*"))  # noqa: E731
        wait_until(lambda: ready() or process.poll() is not None)
        assert process.poll() is None, (edge / "output").read_text()
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def wait_until(condition, seconds=300.0):
    """Long enough for a host that does much else: what is looked for is an end, not how soon it comes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "workers"])
def test_ctrl_c_tells_the_matrix_of_what_ran(started, edge, options, machines_below):
    process = started(*options)
    assert machines_below(process.pid)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=120)
    output = (edge / "output").read_text()
    assert process.returncode == pytest.ExitCode.INTERRUPTED, output
    assert "  test_counts  pass\n" in output
    assert "test_is_busy" not in output.partition("eBPF matrix")[2].partition("passed on 1 kernel")[0]
    assert "KeyboardInterrupt" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_run_that_is_killed_takes_its_machines_with_it(started, options, number, machines_below):
    process = started(*options)
    machines = machines_below(process.pid)
    assert machines
    process.send_signal(number)
    process.wait(timeout=120)
    assert process.returncode == -number
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in machines))
