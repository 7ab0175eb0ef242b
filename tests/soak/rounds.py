"""One machine and thousands of rounds of every operation: what its agent and its kernel hold afterwards."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import hostile

from pytest_ebpf import paths
from pytest_ebpf.guest import Guest
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.machine import MachineConfig, Recipe, boot
from pytest_ebpf.system import System

SOURCES = Path(__file__).parents[1] / "vm" / "data"

#: KiB that the agent, and the kernel for itself, may grow by: what they keep ready, not a leak.
GROWTH = 2048

#: Calls of a round, each of which is right but for a few places; the first rounds are not counted.
CALLS = 150
WARM = 5


@dataclass(frozen=True)
class Held:
    """What a guest holds: the agent's descriptors and memory, its children, the kernel's own memory."""

    descriptors: int
    processes: int
    agent: int
    kernel: int

    @classmethod
    def now(cls, system: System) -> Held:
        files = system.files
        return cls(
            len(files.listdir("/proc/1/fd")),
            len(files.text("/proc/1/task/1/children").split()),
            _kib(files.text("/proc/1/status"), "VmRSS"),
            _kib(files.text("/proc/meminfo"), "SUnreclaim"),
        )


def rounds(times: int, line: str) -> tuple[bool, str]:
    """Make *times* rounds in one machine: whether it holds what it did before, and what to say of it."""
    elfs = {name: _compile(name) for name in hostile.wanted(line)}
    recipe = Recipe(KernelStore(lock=None).get(line), paths.agent(), MachineConfig())
    with boot(recipe, timeout=120) as machine:
        guest = Guest(machine, timeout=60)
        system = System(guest)
        for seed in range(WARM):
            _round(guest, elfs, seed)
        before = Held.now(system)
        for seed in range(WARM, WARM + times):
            _round(guest, elfs, seed)
        after = Held.now(system)
    same = (after.descriptors, after.processes) == (before.descriptors, before.processes)
    grown = (after.agent - before.agent, after.kernel - before.kernel)
    note = f"{after.descriptors - before.descriptors:+} descriptors"
    note += f", {after.processes - before.processes:+} processes, {grown[0]:+} KiB, kernel {grown[1]:+} KiB"
    return same and max(grown) < GROWTH, note


def _round(guest: Guest, elfs: Mapping[str, bytes], seed: int) -> None:
    made = hostile.prepare(guest.call, elfs)
    calls = hostile.calls(random.Random(seed), made, elfs, CALLS)
    answers = [guest.batch(some) for some in _parts(calls)]
    guest.batch(hostile.dismissal(made, list(chain(*answers))))


def _parts(calls: Iterator[hostile.Call]) -> Iterator[list[hostile.Call]]:
    while some := list(islice(calls, 10)):
        yield some


def _kib(text: str, key: str) -> int:
    (line,) = (line for line in text.splitlines() if line.startswith(f"{key}:"))
    return int(line.split()[1])


def _compile(name: str) -> bytes:
    headers = ["-I", paths.libbpf_include(), "-idirafter", "/usr/include/x86_64-linux-gnu"]
    argv: list[Any] = ["clang-19", "-target", "bpf", "-O2", "-g", "-mcpu=v3", *headers]
    done = subprocess.run(
        [*argv, "-c", SOURCES / f"{name}.bpf.c", "-o", "-"], check=True, capture_output=True
    )
    return done.stdout
