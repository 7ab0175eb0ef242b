"""``make soak``: thousands of fresh kernels in a row, of requests, of faults. Prints a table.

Restores go over all kernels in turn. After them the process must be as it was: no more memory, descriptors,
children or files. So must the agent of one machine after thousands of requests, most of them wrong. Then each
fault is inflicted, in runs of pytest and on snapshots. Exit status 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import faults
import traces
from rounds import CALLS, rounds

from pytest_ebpf import paths
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.machine import MachineConfig, Recipe
from pytest_ebpf.machine.shelf import Shelf
from pytest_ebpf.machine.snapshot import restore

KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.2")

#: KiB that the process may have grown by in all restores: what the allocator keeps, not a leak.
GROWTH = 4096


@dataclass(frozen=True)
class Line:
    """A row of the table: *what*, how many *times*, whether all *right*, and what there is to say."""

    what: str
    times: int
    right: bool
    note: str


@dataclass(frozen=True)
class Footprint:
    """What this process holds: resident memory in KiB, descriptors, child processes, files of its folders."""

    memory: int
    descriptors: int
    children: int
    files: int

    @classmethod
    def now(cls, *folders: Path) -> Footprint:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            pages * os.sysconf("SC_PAGE_SIZE") // 1024,
            len(list(Path("/proc/self/fd").iterdir())),
            len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()),
            len(traces.files(*folders)),
        )


def restores(count: int, root: Path) -> Iterable[Line]:
    """Restore each kernel in turn, *count* times in all, and ask it who it is."""
    store, shelf = KernelStore(lock=None, say=say), Shelf(root, say=say)
    recipes = {line: Recipe(store.get(line), paths.agent(), MachineConfig()) for line in KERNELS}
    for recipe in recipes.values():
        _fresh(shelf, recipe)
    before = Footprint.now(root)
    seconds: dict[str, list[float]] = {line: [] for line in KERNELS}
    wrong: dict[str, list[str]] = {line: [] for line in KERNELS}
    for number in range(count):
        line = KERNELS[number % len(KERNELS)]
        start = time.monotonic()
        try:
            _fresh(shelf, recipes[line])
        except Exception as error:  # whatever it is, it is to be in the table
            wrong[line].append(str(error))
        seconds[line].append(time.monotonic() - start)
    for line in KERNELS:
        milliseconds = [1000 * each for each in seconds[line]] or [0.0]
        note = f"median {statistics.median(milliseconds):.0f} ms, longest {max(milliseconds):.0f} ms"
        yield Line(
            f"restore {line}", len(seconds[line]), not wrong[line], "; ".join([note, *wrong[line][:3]])
        )
    after = Footprint.now(root)
    same = (after.descriptors, after.children, after.files) == (
        before.descriptors,
        before.children,
        before.files,
    )
    grown = after.memory - before.memory
    note = f"{grown:+} KiB, {after.descriptors - before.descriptors:+} descriptors"
    note += f", {after.children - before.children:+} children, {after.files - before.files:+} files"
    yield Line("what is left of them", count, same and grown < GROWTH, note)


def _fresh(shelf: Shelf, recipe: Recipe) -> None:
    machine, guest = restore(shelf.get(recipe, timeout=120), call_timeout=60).ready(30)
    with machine:
        if guest.hello.release != recipe.kernel.release:
            raise AssertionError(f"{guest.hello.release} came up")
        _, log = guest.batch([("write_file", {"path": "/tmp/x", "data": b"x"}), ("klog", {})])
        if "Linux version" in log:
            raise AssertionError("the log of the boot is still there")


def requests(times: int) -> Iterable[Line]:
    """Make *times* rounds of every operation in one machine of each of two kernels."""
    for line in ("5.10", "7.2"):
        right, note = rounds(times, line)
        yield Line(f"requests {line}", times * CALLS, right, note)


def _cut(folder: Path) -> None:
    os.truncate(folder / "ram", int.from_bytes(os.urandom(3), "little"))


def _flip(name: str) -> Callable[[Path], None]:
    def one_bit(folder: Path) -> None:
        with (folder / name).open("r+b") as file:
            at = int.from_bytes(os.urandom(4), "little") % (folder / name).stat().st_size
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << at % 8]))

    return one_bit


SNAPSHOT_FAULTS: dict[str, Callable[[Path], None]] = {
    "memory cut": _cut,
    "bit of memory flipped": _flip("ram"),
    "bit of state flipped": _flip("state"),
    "description emptied": lambda folder: os.truncate(folder / "snapshot.json", 0),
    "state removed": lambda folder: (folder / "state").unlink(),
}


def damaged(times: int, root: Path) -> Iterable[Line]:
    """Damage a snapshot: it must be said, once, and a sound one made."""
    said: list[str] = []
    store = KernelStore(lock=None, say=say)
    recipe = Recipe(store.get("6.12"), paths.agent(), MachineConfig())
    shelf = Shelf(root, say=said.append)
    for what, inflict in SNAPSHOT_FAULTS.items():
        right = 0
        for _ in range(times):
            folder = shelf.get(recipe, timeout=120).folder
            said.clear()
            inflict(folder)
            _fresh(shelf, recipe)
            right += len(said) == 2 and "is damaged" in said[0]
        yield Line(f"snapshot: {what}", times, right == times, f"{right} said and made again")


def inflicted(times: int) -> Iterable[Line]:
    """Inflict every fault of a guest, all in one run of pytest."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ[traces.MARK] = str(folder)
        run = faults.run(folder, "6.12", times=times, timeout=600 + 120 * times)
        os.environ.pop(traces.MARK)
        for kind, (outcome, _) in faults.EXPECTED.items():
            wrong = run.wrong(kind, times)
            yield Line(f"guest: {kind}", times, not wrong, f"{outcome}" if not wrong else f"{wrong}")
        left = traces.processes(str(folder))
        yield Line("what is left of them", times, not left, f"{len(left)} processes")


def killed(times: int) -> Iterable[Line]:
    """Kill runs at random moments: their machines end with them."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "test_it.py").write_text(_ENDLESS)
        right = 0
        for number in range(times):
            mark = f"{folder}/{number}"
            argv = [sys.executable, "-m", "pytest", "-p", "ebpf", "-p", "no:cacheprovider", "-q"]
            process = subprocess.Popen(
                [*argv, "--ebpf-kernel", "6.12"],
                cwd=folder,
                env={**os.environ, traces.MARK: mark},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(0.5 + int.from_bytes(os.urandom(2), "little") / 65536)
            process.kill()
            process.wait()
            right += traces.eventually(lambda mark=mark: not traces.processes(mark), 5)
        yield Line("pytest: kill -9", times, right == times, f"{right} left nothing within 5 s")


_ENDLESS = """
import pytest

@pytest.mark.parametrize("number", range(1000))
def test_it(ebpf, number):
    ebpf._guest.call("hello")
"""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--restores", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--faults", type=int, default=100)
    asked = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch:
        root = Path(scratch)
        parts = (
            (asked.restores, lambda: restores(asked.restores, root)),
            (asked.rounds, lambda: requests(asked.rounds)),
            (asked.faults, lambda: damaged(asked.faults, root)),
            (asked.faults, lambda: inflicted(asked.faults)),
            (asked.faults, lambda: killed(asked.faults)),
        )
        for times, part in parts:
            for line in part() if times else ():
                wrong += not line.right
                mark = "ok" if line.right else "WRONG"
                print(f"{line.what:<34} {line.times:>5}  {mark:<5}  {line.note}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
