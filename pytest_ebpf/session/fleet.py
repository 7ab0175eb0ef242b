"""The machines of a run: one for each kernel, booted when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pytest_ebpf import paths
from pytest_ebpf.guest import Guest
from pytest_ebpf.kernels import Kernel, KernelStore
from pytest_ebpf.machine import Machine, MachineConfig, Recipe, accelerator, boot

#: Seconds, emulated on a busy host: a boot takes 2 s there, the longest call (a large object) 1 s.
BOOT_TIMEOUT: Final = 90.0
CALL_TIMEOUT: Final = 60.0


@dataclass(frozen=True)
class Running:
    """A kernel that has booted, and the guest to talk to. *label* is what really booted."""

    kernel: Kernel
    machine: Machine
    guest: Guest
    label: str


class Fleet:
    """Machines by kernel spec, ended on :meth:`close`."""

    def __init__(
        self,
        store: KernelStore,
        *,
        memory: int = 256,
        cpus: int = 1,
        accelerator_request: accelerator.Request = "auto",
        say: Callable[[str], None],
    ) -> None:
        self._store = store
        self._memory = memory
        self._cpus = cpus
        self._request = accelerator_request
        self._say = say
        self._running: dict[str, Running] = {}

    def kernel(self, spec: str) -> Kernel:
        """Return the kernel that *spec* means, fetched if need be."""
        return self._store.get(spec)

    def running(self, spec: str) -> Running:
        """Return a machine with the kernel *spec*, booted if there is none that lives."""
        found = self._running.get(spec)
        if found is not None and found.machine.alive:
            return found
        self.discard(spec)
        kernel = self.kernel(spec)
        machine = boot(Recipe(kernel, paths.agent(), self._config), timeout=BOOT_TIMEOUT)
        guest = Guest(machine, timeout=CALL_TIMEOUT)
        self._running[spec] = Running(kernel, machine, guest, label_of(kernel, guest.hello.release))
        return self._running[spec]

    def discard(self, spec: str) -> None:
        """End the machine of *spec*, if there is one; the next to ask gets a new one."""
        if found := self._running.pop(spec, None):
            found.machine.stop()

    def close(self) -> None:
        """End every machine."""
        for spec in list(self._running):
            self.discard(spec)

    @cached_property
    def accelerator(self) -> accelerator.Choice:
        """What runs the machines, decided once."""
        return accelerator.choose(self._request, self._prove_kvm, paths.cache_root() / "accelerator.json")

    @property
    def _config(self) -> MachineConfig:
        return MachineConfig(self._memory, self._cpus, self.accelerator.accelerator)

    def _prove_kvm(self) -> None:
        self._say("trying KVM, once for each boot of this host")
        kernels = self._store.cached() or (self._store.get("latest"),)
        config = MachineConfig(self._memory, self._cpus, "kvm")
        boot(Recipe(kernels[-1], paths.agent(), config), timeout=accelerator.PROOF_TIMEOUT).stop()


def label_of(kernel: Kernel, booted: str) -> str:
    """Name what *booted* (``uname -r``): the exact version if it is the kernel we took it for."""
    return str(kernel.version) if booted == kernel.release else booted
