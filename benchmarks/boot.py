"""A cold boot to the first answer of BPF_PROG_TEST_RUN, against virtme-ng running ``uname -r``."""

from __future__ import annotations

import subprocess
import time
from statistics import median
from typing import Final

from benchmarks import virtme
from benchmarks.machines import KERNELS, PACKET, assemble, booted, kernel
from benchmarks.measure import interleaved, ratio, seconds
from benchmarks.result import Bar, Result
from pytest_ebpf.uapi import ProgType

BAR: Final = Bar(0.3, "ratio")
ROUNDS: Final = 3
TRIES: Final = 3


def first_answer(spec: str) -> None:
    """Boot, run a program on a packet once, and end the machine."""
    with booted(spec) as guest:
        ((status, verdict, *_),) = guest.call("run", prog=assemble(guest, ProgType.XDP), data=[PACKET])
        assert (status, verdict) == (0, 2)


def uname(command: virtme.Command, release: str) -> float:
    """Return the seconds in which virtme-ng boots the same kernel and prints its release.

    It fails now and then; a run that did not print it says nothing of how long it takes, and is repeated.
    """
    for _ in range(TRIES):
        start = time.perf_counter()
        done = subprocess.run(
            command.argv,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.stdout.strip() == release:
            return time.perf_counter() - start
    message = f"virtme-ng did not run {release} (status {done.returncode}): {done.stderr[-500:]}"
    raise RuntimeError(message)


def run() -> list[Result]:
    """Measure each kernel."""
    return [_compare(spec) for spec in KERNELS]


def _compare(spec: str) -> Result:
    command, release = virtme.command(kernel(spec), "uname -r"), kernel(spec).release
    taken = interleaved(
        {
            "ours": lambda: seconds(lambda: first_answer(spec)),
            "virtme-ng": lambda: uname(command, release),
        },
        ROUNDS,
    )
    ours, theirs = taken["ours"], taken["virtme-ng"]
    return Result(
        f"cold boot to first test run / virtme-ng, {spec}",
        ratio(ours, theirs),
        "ratio",
        BAR,
        f"{median(ours):.1f} s / {median(theirs):.1f} s",
    )
