"""Machines for the tests: one a kernel and worker, booted when first asked for, replaced when it died."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lab import Lab
from worker import Worker

from pytest_ebpf import paths
from pytest_ebpf.bpf import LoadedObject, LoadOptions, load
from pytest_ebpf.guest import Guest
from pytest_ebpf.kernels import Kernel, KernelStore
from pytest_ebpf.machine import Machine, MachineConfig, Recipe, boot
from pytest_ebpf.objects import read_object
from pytest_ebpf.system import System

#: The kernel lines that everything is proven on.
KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.2")

BOOT_TIMEOUT = 300.0
CALL_TIMEOUT = 60.0


class Machines:
    """Running machines by kernel line."""

    def __init__(self) -> None:
        self.store = KernelStore(lock=None, say=print)
        self._machines: dict[str, Machine] = {}

    def recipe(self, line: str) -> Recipe:
        return Recipe(self.store.get(line), paths.agent(), MachineConfig())

    def get(self, line: str) -> Machine:
        machine = self._machines.get(line)
        if machine is None or not machine.alive:
            self.discard(line)
            machine = boot(self.recipe(line), timeout=BOOT_TIMEOUT)
            self._machines[line] = machine
        return machine

    def discard(self, line: str) -> None:
        if machine := self._machines.pop(line, None):
            machine.stop()

    def close(self) -> None:
        for line in list(self._machines):
            self.discard(line)


@pytest.fixture(autouse=True)
def _accelerator(accelerator_decided: None) -> None:
    """Who tells what the command says takes it for granted."""


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    held = Machines()
    yield held
    held.close()


@pytest.fixture(params=KERNELS)
def line(request: pytest.FixtureRequest) -> str:
    """The kernel line of this test."""
    return str(request.param)


@pytest.fixture
def kernel(line: str, machines: Machines) -> Kernel:
    """The kernel of this test."""
    return machines.store.get(line)


@pytest.fixture
def machine(line: str, machines: Machines) -> Machine:
    """A machine that runs the kernel of this test, shared with other tests."""
    return machines.get(line)


@pytest.fixture
def guest(machine: Machine) -> Guest:
    """The agent in that machine."""
    return Guest(machine, timeout=CALL_TIMEOUT)


@pytest.fixture(scope="session")
def vm_objects(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``vm_objects("maps") -> Path`` of what clang makes of ``tests/vm/data/maps.bpf.c``."""
    folder = tmp_path_factory.mktemp("vm-objects")

    @cache
    def compiled(name: str) -> Path:
        source, target = Path(__file__).parent / "data" / f"{name}.bpf.c", folder / f"{name}.bpf.o"
        headers = ["-I", paths.libbpf_include(), "-idirafter", "/usr/include/x86_64-linux-gnu"]
        argv = ["clang-19", "-target", "bpf", "-O2", "-g", "-mcpu=v3", *headers, "-c", source, "-o", target]
        subprocess.run(argv, check=True, timeout=300)
        return target

    return compiled


@pytest.fixture
def load_object(guest: Guest, vm_objects: Callable[[str], Path]) -> Iterator[Callable[..., LoadedObject]]:
    """``load_object("maps", **options)`` loads such an object, and unloads it after the test."""
    held: list[LoadedObject] = []

    def one(name: str, **options: Any) -> LoadedObject:
        path = vm_objects(name)
        loaded = load(guest, path.read_bytes(), read_object(path), name=name, options=LoadOptions(**options))
        held.append(loaded)
        return loaded

    yield one
    for each in held:
        each.close()


@pytest.fixture
def system(guest: Guest) -> Iterator[System]:
    """The guest to drive; what a test makes there is removed after it."""
    made = System(guest)
    yield made
    made.close()


@pytest.fixture
def lab(system: System) -> Lab:
    """Two networks joined by a pair of devices."""
    return Lab(system)


@pytest.fixture
def worker(guest: Guest) -> Iterator[Worker]:
    """A process of the guest that makes system calls."""
    made = Worker.spawn(guest)
    yield made
    made.kill()


@pytest.fixture(scope="session")
def tool(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What gcc makes of ``tests/vm/data/tool.c``."""
    made = tmp_path_factory.mktemp("tool") / "tool"
    source = Path(__file__).parent / "data" / "tool.c"
    subprocess.run(["gcc", "-O1", "-static", "-o", made, source], check=True, timeout=60)
    return made.read_bytes()


@pytest.fixture
def run_tool(guest: Guest, tool: bytes) -> Callable[[], None]:
    """``run_tool()`` has the guest run ``/tool 21``."""
    guest.call("write_file", path="/tool", data=tool, mode=0o755)

    def run() -> None:
        process = guest.call("exec", argv=["/tool", "21"])["process"]
        done = guest.call("wait", process=process, timeout_ms=10_000)
        assert (done["running"], done["status"]) == (False, 42)

    return run
