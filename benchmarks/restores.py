"""A fresh kernel from its snapshot: to the first answer, the wait a test sees, the memory each one takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import virtme
from benchmarks.boot import uname
from benchmarks.machines import KERNELS, PACKET, RETURN_TWO, TIMEOUT, assemble, kernel, recipe
from benchmarks.measure import interleaved, seconds
from benchmarks.result import Bar, Result
from pytest_ebpf import paths
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.machine import Machine
from pytest_ebpf.machine.shelf import Shelf
from pytest_ebpf.machine.snapshot import Source, restore
from pytest_ebpf.machine.template import Template, make
from pytest_ebpf.session.fleet import Fleet, Want
from pytest_ebpf.uapi import ProgType

ANSWER_BAR: Final = Bar(70, "ms")
RATIO_BAR: Final = Bar(100, "times", at_least=True)
WAIT_BAR: Final = Bar(15, "ms")
MEMORY_BAR: Final = Bar(45, "MB")

ROUNDS: Final = 21
MACHINES: Final = 8

#: What is loaded: an XDP program that passes everything.
PROGRAM: Final = {"type": int(ProgType.XDP), "attach_type": 0, "insns": RETURN_TWO, "license": "GPL"}

#: Seconds that a test takes by itself, waiting more than it computes.
TEST: Final = 0.05


def run() -> list[Result]:
    """Measure each kernel, then the wait and the memory on one of them."""
    return [*(result for spec in KERNELS for result in _answers(spec)), _wait("6.12"), _memory("6.12")]


def _shelf() -> Shelf:
    return Shelf(paths.cache_root(), say=print)


def _loaded(spec: str) -> Template:
    """Return a machine with a program loaded, as tests get one whose object was loaded before."""
    snapshot = _shelf().get(recipe(spec), timeout=TIMEOUT)
    return make(snapshot, [("assemble", PROGRAM)], wake_timeout=TIMEOUT, call_timeout=TIMEOUT)


def first_answer(source: Source, handle: int | None) -> float:
    """Return the seconds from nothing to a first run on a packet; without *handle* a program is loaded."""
    start = time.perf_counter()
    machine, guest = restore(source, call_timeout=TIMEOUT).ready(TIMEOUT)
    with machine:
        program = assemble(guest, ProgType.XDP) if handle is None else handle
        ((status, verdict, *_),) = guest.call("run", prog=program, data=[PACKET])
        assert (status, verdict) == (0, 2)
        return time.perf_counter() - start


def _answers(spec: str) -> Iterator[Result]:
    snapshot = _shelf().get(recipe(spec), timeout=TIMEOUT)
    template = _loaded(spec)
    handle = template.answers[0]["prog"]
    command, release = virtme.command(kernel(spec), "uname -r"), kernel(spec).release
    taken = interleaved(
        {
            "loaded": lambda: first_answer(template, handle),
            "loading": lambda: first_answer(snapshot, None),
        },
        ROUNDS,
    )
    template.close()
    theirs = uname(command, release)
    loaded, loading = (sorted(each) for each in taken.values())
    middle = median(loaded)
    told = f"{_span(loaded)}; with the loading of a program {median(loading) * 1000:.0f} ms, {_span(loading)}"
    yield Result(f"fresh kernel to first test run, {spec}", middle * 1000, "ms", ANSWER_BAR, told)
    said = f"{theirs:.1f} s for uname -r"
    yield Result(f"virtme-ng / fresh kernel, {spec}", theirs / middle, "times", RATIO_BAR, said)


def _span(taken: list[float]) -> str:
    return f"{taken[0] * 1000:.0f} to {taken[-1] * 1000:.0f} ms"


def _wait(spec: str) -> Result:
    """Have tests of 50 ms ask for one machine after the other, each started while the one before ran."""
    fleet = Fleet(KernelStore(say=print), accelerator_request="tcg", say=print)
    waits: list[float] = []
    for number in range(ROUNDS):
        waits.append(seconds(lambda number=number: fleet.running(spec, str(number))))  # type: ignore[misc]
        fleet.prefetch(Want(spec, str(number + 1 + ahead), "bench") for ahead in range(fleet.ahead))
        time.sleep(TEST)
    fleet.close()
    detail = f"tests of 50 ms; longest {max(waits[1:]) * 1000:.0f} ms"
    return Result(f"wait for a fresh kernel, {spec}", median(waits[1:]) * 1000, "ms", WAIT_BAR, detail)


def _memory(spec: str) -> Result:
    """Run eight machines at once and look at what each has for itself."""
    snapshot = _shelf().get(recipe(spec), timeout=TIMEOUT)
    with ExitStack() as held:
        private = []
        for _ in range(MACHINES):
            machine, guest = restore(snapshot, call_timeout=TIMEOUT).ready(TIMEOUT)
            held.enter_context(machine)
            guest.call("run", prog=assemble(guest, ProgType.XDP), data=[PACKET])
            private.append(machine)
        sizes = sorted(map(_private, private))
    detail = f"{MACHINES} at once, each after a test run; most {sizes[-1]:.0f} MB"
    return Result(f"private memory of a machine, {spec}", median(sizes), "MB", MEMORY_BAR, detail)


def _private(machine: Machine) -> float:
    """Return the megabytes that only this process has (``Private_*`` of ``smaps_rollup``)."""
    lines = Path(f"/proc/{machine.pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024 / 1e6
