"""How the machines of a run are made: of what, run by what, and in what time they are there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Final

from pytest_ebpf import paths
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.machine import MachineConfig, Recipe, accelerator, boot

#: Seconds, emulated on a busy host: a boot takes 2 s there, a restore 0.05 s.
BOOT_TIMEOUT: Final = 180.0
WAKE_TIMEOUT: Final = 30.0

#: Seconds. The longest calls are loads: emulated, the verifier takes 5 (7.2) to 30 s (6.12) for a million
#: steps, the most that it makes for one program.
CALL_TIMEOUT: Final = 120.0

#: With KVM all of it is several times as fast.
_KVM_SHARE: Final = 0.3


class Recipes:
    """Recipes by kernel spec: machines of *memory* MiB, *cpus* processors and *wires* network cards.

    Their guests answer a call within *call_timeout* seconds.
    """

    def __init__(
        self,
        store: KernelStore,
        *,
        memory: int,
        cpus: int,
        wires: int,
        call_timeout: float,
        request: accelerator.Request,
        say: Callable[[str], None],
    ) -> None:
        self.memory = memory
        self.call_timeout = call_timeout
        self._store = store
        self._cpus = cpus
        self._wires = wires
        self._request = request
        self._say = say
        self._known: dict[str, Recipe] = {}

    def of(self, spec: str) -> Recipe:
        """Return the recipe for machines with the kernel *spec*, which is fetched if need be."""
        if spec not in self._known:
            config = MachineConfig(self.memory, self._cpus, self.accelerator.accelerator, self._wires)
            self._known[spec] = Recipe(self._store.get(spec), paths.agent(), config)
        return self._known[spec]

    @cached_property
    def accelerator(self) -> accelerator.Choice:
        """What runs the machines, decided once."""
        return accelerator.choose(self._request, self._prove_kvm, paths.cache_root() / "accelerator.json")

    @property
    def boot_timeout(self) -> float:
        """Seconds in which a machine says hello."""
        return self._scaled(BOOT_TIMEOUT)

    @property
    def wake_timeout(self) -> float:
        """Seconds in which one that is restored answers."""
        return self._scaled(WAKE_TIMEOUT)

    def _scaled(self, seconds: float) -> float:
        return seconds if self.accelerator.accelerator == "tcg" else seconds * _KVM_SHARE

    def _prove_kvm(self) -> None:
        self._say("trying KVM, once for each boot of this host")
        kernels = [each for each in self._store.cached() if each.packages] or [self._store.get("latest")]
        recipe = Recipe(kernels[-1], paths.agent(), MachineConfig(self.memory, self._cpus, "kvm"))
        boot(recipe, timeout=accelerator.PROOF_TIMEOUT).stop()
