"""Machines with wires for tests in tests/vm: a fresh one each, restored from a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_ebpf import paths
from pytest_ebpf.guest import Guest
from pytest_ebpf.kernels import Kernel
from pytest_ebpf.machine import Machine, MachineConfig, Recipe
from pytest_ebpf.machine.shelf import Shelf
from pytest_ebpf.machine.snapshot import restore

#: Seconds.
BOOT = 300.0
WAKE = 60.0
CALL = 60.0


def wired_recipe(kernel: Kernel) -> Recipe:
    return Recipe(kernel, paths.agent(), MachineConfig(wires=2))


@contextmanager
def wired(kernel: Kernel) -> Iterator[tuple[Machine, Guest]]:
    """A machine of *kernel* with wires that nothing was sent over."""
    shelf = Shelf(paths.cache_root(), say=print)
    snapshot = shelf.get(wired_recipe(kernel), timeout=BOOT)
    machine, guest = restore(snapshot, call_timeout=CALL).ready(WAKE)
    with machine:
        yield machine, guest
