"""A run in which everything goes wrong that can: each test gets its due, and the next a fresh kernel."""

from __future__ import annotations

import fcntl
import os
import pickle
from pathlib import Path

import faults
import pytest
import traces


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the faults are run, by whichever worker of pytest-xdist asks first."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "faults"


@pytest.fixture(scope="module")
def run(folder) -> faults.Faults:
    """The faults, once each, with nothing around that they could leave anything in but *folder*."""
    with folder.with_suffix(".lock").open("w") as lock, pytest.MonkeyPatch().context() as environment:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = folder / "faults.pickle"
        if not kept.exists():
            (folder / "tmp").mkdir(parents=True)
            environment.setenv(traces.MARK, str(folder))
            environment.setenv("TMPDIR", str(folder / "tmp"))
            kept.write_bytes(pickle.dumps(faults.run(folder, "6.12")))
        return pickle.loads(kept.read_bytes())


@pytest.mark.parametrize("kind", faults.EXPECTED)
def test_each_fault_ends_in_its_outcome(run, kind):
    assert run.wrong(kind, 1) == {}, run.output


def test_the_exit_status_says_that_not_all_is_well(run):
    assert run.status == pytest.ExitCode.TESTS_FAILED
    assert "4 passed, 9 crashed, 2 timed out, 7 infrastructure" in run.output


def test_only_what_could_not_be_told_is_tried_once_more_and_that_is_said(run):
    again = [line.split("::")[1] for line in run.output.splitlines() if "once more, on a kernel" in line]
    told = [kind for kind, (outcome, _) in faults.EXPECTED.items() if outcome == "infrastructure"]
    assert {name.partition("[")[0].removeprefix("test_") for name in again} == {*told, "emulator_killed_once"}
    assert len(again) == len(told) + 1


@pytest.mark.parametrize(
    "sight",
    [
        "Call Trace:",  # of a crash
        "sysrq: Show backtrace of all active CPUs",  # of a guest that blocks
        "RIP: 0010:sysrq_handle_showmem",  # of one that has its interrupts off
        "pytest-ebpf: a frame is not a request of the protocol",  # the agent's own last words
        "BUG: TASK stack guard page was hit",
    ],
)
def test_the_console_shows_what_the_guest_was_at(run, sight):
    assert sight in run.output


@pytest.mark.usefixtures("run")
def test_nothing_is_left(folder):
    assert traces.processes(str(folder)) == {}
    assert traces.files(folder / "tmp") == {folder / "tmp"}


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["alone", "worker"])
def test_a_run_whose_second_try_passes_is_a_good_one_and_says_so(tmp_path, options):
    run = faults.run(tmp_path, "6.12", "-k", "killed_once or goes_on", *options)
    assert run.status == pytest.ExitCode.OK, run.output
    assert "test_emulator_killed_once[6.12-0]: once more, on a kernel booted for it" in run.output
