"""However a run ends, within seconds nothing of it is left: no process, no socket, no file, no lock."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import traces

from pytest_ebpf import paths

MODULE = """
import pathlib, time
import pytest

@pytest.mark.parametrize("number", range(2))
def test_waits(ebpf, number):
    ebpf._guest.call("hello")
    pathlib.Path(f"running-{number}").touch()
    time.sleep(SLEEP)
"""

#: Within how many seconds all is gone, on a host that does much else too. Workers of pytest-xdist notice that
#: they are alone by themselves: execnet interrupts what they do after 5 s and ends them after 10 s more.
SECONDS = 60
SECONDS_ALONE = 120
#: What a run may take until its first test is under way.
SECONDS_TO_START = 600


class Project:
    """A folder with tests in it, a cache of its own, and one run of pytest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.temporary = folder / "tmp"
        self.output = folder / "output"
        self.tests = folder / "tests"
        for each in (self.cache, self.temporary, self.tests):
            each.mkdir()
        for shared in ("kernels", "accelerator.json"):
            (self.cache / shared).symlink_to(paths.cache_root() / shared)
        self.process: subprocess.Popen[bytes] | None = None

    def with_snapshots(self) -> None:
        """Take the snapshots that there are, without copying them."""
        (self.cache / "snapshots").mkdir()
        for snapshot in (paths.cache_root() / "snapshots").glob("[!.]*"):
            (self.cache / "snapshots" / snapshot.name).symlink_to(snapshot)

    def start(self, *options: str, sleep: float = 600) -> subprocess.Popen[bytes]:
        (self.tests / "test_it.py").write_text(MODULE.replace("SLEEP", str(sleep)))
        argv = [sys.executable, "-m", "pytest", "-p", "ebpf", "-p", "no:cacheprovider", "-x"]
        env = {
            **os.environ,
            traces.MARK: str(self.folder),
            "TMPDIR": str(self.temporary),
            "PYTEST_EBPF_CACHE": str(self.cache),
        }
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [*argv, "--ebpf-kernel", "6.12", *options],
                cwd=self.tests,
                env=env,
                stdout=output,
                stderr=output,
            )
        return self.process

    def runs(self) -> bool:
        return bool(list(self.tests.glob("running-*")))

    def is_gone(self) -> bool:
        return not traces.processes(str(self.folder))

    def litter(self) -> list[str]:
        """Files that a run has no business leaving, and locks that somebody still holds."""
        snapshots = self.cache / "snapshots"
        temporary = traces.files(*self.temporary.glob("[!p]*"))  # "pytest-of-..." is pytest's own
        found = [*temporary, *snapshots.glob(".building-*"), *self.cache.glob("*.[0-9]*")]
        locks = [f"held: {path}" for path in snapshots.glob(".lock-*") if held(path)]
        return [*map(str, found), *locks]


def held(path: Path) -> bool:
    with path.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    made.with_snapshots()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()
    assert traces.eventually(made.is_gone, SECONDS), traces.processes(str(tmp_path))
    shutil.rmtree(made.cache)


def under_way(project: Project, *options: str) -> subprocess.Popen[bytes]:
    process = project.start(*options)
    assert traces.eventually(project.runs, SECONDS_TO_START), project.output.read_text()
    assert traces.emulators(str(project.folder))
    return process


def assert_nothing_is_left(project: Project) -> None:
    assert traces.eventually(project.is_gone, SECONDS), traces.processes(str(project.folder))
    assert project.litter() == []


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_a_normal_end(project, options):
    process = project.start(*options, sleep=0)
    assert process.wait(timeout=SECONDS_TO_START) == pytest.ExitCode.OK, project.output.read_text()
    assert_nothing_is_left(project)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_ctrl_c(project, times):
    process = under_way(project)
    for _ in range(times):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    assert process.wait(timeout=300) != pytest.ExitCode.OK
    assert_nothing_is_left(project)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_a_signal(project, number, options):
    process = under_way(project, *options)
    process.send_signal(number)
    process.wait(timeout=300)
    seconds = SECONDS_ALONE if options else SECONDS
    assert traces.eventually(project.is_gone, seconds), traces.processes(str(project.folder))
    assert [path for path in project.litter() if "held" in path or "building" in path] == []


def test_a_worker_that_is_killed(project):
    """Its machine ends with it, and the run says what became of the test."""
    process = under_way(project, "-n", "1", "--max-worker-restart=0")
    (worker,) = {_parent(pid) for pid in traces.emulators(str(project.folder))}
    machines = traces.emulators(str(project.folder))
    os.kill(worker, signal.SIGKILL)
    assert traces.eventually(lambda: not machines & traces.emulators(str(project.folder)), SECONDS)
    assert process.wait(timeout=300) != pytest.ExitCode.OK
    assert "worker 'gw0' crashed" in project.output.read_text()
    assert_nothing_is_left(project)


def test_a_run_that_is_killed_while_it_makes_a_snapshot(tmp_path):
    project = Project(tmp_path)
    process = project.start()
    snapshots = project.cache / "snapshots"
    assert traces.eventually(lambda: list(snapshots.glob(".building-*/entry/ram")), SECONDS_TO_START), (
        project.output.read_text()
    )
    process.kill()
    process.wait()
    assert traces.eventually(project.is_gone, SECONDS), traces.processes(str(tmp_path))
    left = project.litter()
    assert len([path for path in left if ".building-" in path]) == 1
    assert not [path for path in left if "held" in path]
    again = project.start(sleep=0)
    assert again.wait(timeout=SECONDS_TO_START) == pytest.ExitCode.OK, project.output.read_text()
    assert_nothing_is_left(project)
    shutil.rmtree(project.cache)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
