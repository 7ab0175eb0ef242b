"""The machines of a run: a fresh one for each scope, restored from a snapshot of its kernel."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pytest_ebpf import paths
from pytest_ebpf.errors import EbpfError
from pytest_ebpf.guest import Guest
from pytest_ebpf.kernels import Kernel, KernelStore
from pytest_ebpf.machine import Machine, MachineConfig, Recipe, accelerator, boot
from pytest_ebpf.machine.shelf import Shelf
from pytest_ebpf.machine.snapshot import DamagedSnapshotError, Waking, restore
from pytest_ebpf.session.budget import machines_at_once

#: Seconds, emulated on a busy host: a boot takes 2 s there, a restore 0.05 s, the longest call (loading a
#: large object) 1 s.
BOOT_TIMEOUT: Final = 90.0
WAKE_TIMEOUT: Final = 30.0
CALL_TIMEOUT: Final = 60.0


@dataclass(frozen=True)
class Running:
    """A kernel that runs, and the guest to talk to. *label* is what really booted."""

    kernel: Kernel
    machine: Machine
    guest: Guest
    label: str


@dataclass(frozen=True)
class _Lease:
    scope: str
    running: Running


class Fleet:
    """Machines by kernel spec, at most one of each in use, ended on :meth:`close`."""

    def __init__(
        self,
        store: KernelStore,
        *,
        memory: int = 256,
        cpus: int = 1,
        accelerator_request: accelerator.Request = "auto",
        workers: int = 1,
        say: Callable[[str], None],
    ) -> None:
        self._store = store
        self._memory = memory
        self._cpus = cpus
        self._request = accelerator_request
        self._workers = workers
        self._say = say
        self._shelf = Shelf(paths.cache_root(), say=say)
        self._recipes: dict[str, Recipe] = {}
        self._labels: dict[str, str] = {}
        self._leases: dict[str, _Lease] = {}
        self._waking: dict[str, Waking] = {}
        self._snapshots = True

    def kernel(self, spec: str) -> Kernel:
        """Return the kernel that *spec* means, fetched if need be."""
        return self._store.get(spec)

    def running(self, spec: str, scope: str, *, cold: bool = False) -> Running:
        """Return the machine of *scope* with the kernel *spec*: the one it has, else a fresh one.

        A fresh one is restored from a snapshot, or booted if it is to be *cold*.
        """
        lease = self._leases.pop(spec, None)
        if lease and lease.scope == scope and lease.running.machine.alive and not cold:
            self._leases[spec] = lease  # the newest is the last
            return lease.running
        if lease:
            lease.running.machine.stop()
        self._make_room(spec)
        machine, guest = self._booted(spec) if cold else self._fresh(spec)
        if spec not in self._labels:
            self._labels[spec] = label_of(self.kernel(spec), guest.hello.release)
        running = Running(self.kernel(spec), machine, guest, self._labels[spec])
        self._leases[spec] = _Lease(scope, running)
        return running

    def prefetch(self, spec: str, scope: str) -> None:
        """Start what :meth:`running` will be asked for next, if it is not there and there is room for it."""
        lease = self._leases.get(spec)
        needed = not (lease and lease.scope == scope) and spec not in self._waking
        if needed and self._snapshots and len(self._leases) + len(self._waking) < self._most:
            with suppress(EbpfError, OSError):  # whatever it is, it will be said when the machine is needed
                self._waking[spec] = self._wake(spec)

    def discard(self, spec: str) -> None:
        """End the machine in use with this kernel, if there is one."""
        if lease := self._leases.pop(spec, None):
            lease.running.machine.stop()

    def close(self) -> None:
        """End every machine."""
        for waking in self._waking.values():
            waking.machine.stop()
        self._waking.clear()
        for spec in list(self._leases):
            self.discard(spec)

    @cached_property
    def accelerator(self) -> accelerator.Choice:
        """What runs the machines, decided once."""
        return accelerator.choose(self._request, self._prove_kvm, paths.cache_root() / "accelerator.json")

    def _fresh(self, spec: str) -> tuple[Machine, Guest]:
        """Restore a machine; where its snapshot is no good, from a new one; where there is none, boot."""
        for _ in range(2):
            if not self._snapshots:
                break
            try:
                waking = self._waking.pop(spec, None) or self._wake(spec)
                return waking.ready(WAKE_TIMEOUT)
            except DamagedSnapshotError as error:
                self._say(f"the snapshot of {spec} is thrown away: {error.what}")
                self._shelf.discard(self._recipe(spec).key)
            except OSError as error:
                self._say(f"no snapshots can be kept ({error.strerror}); booting a kernel for each test")
                self._snapshots = False
        return self._booted(spec)

    def _wake(self, spec: str) -> Waking:
        snapshot = self._shelf.get(self._recipe(spec), timeout=BOOT_TIMEOUT)
        return restore(snapshot, call_timeout=CALL_TIMEOUT)

    def _booted(self, spec: str) -> tuple[Machine, Guest]:
        machine = boot(self._recipe(spec), timeout=BOOT_TIMEOUT)
        return machine, Guest(machine, timeout=CALL_TIMEOUT)

    def _recipe(self, spec: str) -> Recipe:
        if spec not in self._recipes:
            config = MachineConfig(self._memory, self._cpus, self.accelerator.accelerator)
            self._recipes[spec] = Recipe(self.kernel(spec), paths.agent(), config)
        return self._recipes[spec]

    @cached_property
    def _most(self) -> int:
        return machines_at_once(self._memory, self._workers)

    def _make_room(self, spec: str) -> None:
        """End the machines that were not used for longest, so that one more may start."""
        others = [each for each in self._leases if each != spec]
        for each in others[: max(0, len(others) + 1 - self._most)]:
            self.discard(each)

    def _prove_kvm(self) -> None:
        self._say("trying KVM, once for each boot of this host")
        kernels = self._store.cached() or (self._store.get("latest"),)
        recipe = Recipe(kernels[-1], paths.agent(), MachineConfig(self._memory, self._cpus, "kvm"))
        boot(recipe, timeout=accelerator.PROOF_TIMEOUT).stop()


def label_of(kernel: Kernel, booted: str) -> str:
    """Name what *booted* (``uname -r``): the exact version if it is the kernel we took it for."""
    return str(kernel.version) if booted == kernel.release else booted
