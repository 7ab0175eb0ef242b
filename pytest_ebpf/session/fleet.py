"""The machines of a run: a fresh one for each scope, restored from a snapshot of its kernel."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from pytest_ebpf import paths
from pytest_ebpf.errors import EbpfError, KernelError
from pytest_ebpf.guest import Guest
from pytest_ebpf.guest.wire import Call
from pytest_ebpf.kernels import Kernel, KernelStore
from pytest_ebpf.machine import Machine, Recipe, accelerator, boot
from pytest_ebpf.machine.shelf import Shelf
from pytest_ebpf.machine.snapshot import DamagedSnapshotError, Snapshot, Waking, restore
from pytest_ebpf.machine.template import Template
from pytest_ebpf.session.budget import machines_at_once, room_for_templates
from pytest_ebpf.session.elsewhere import elsewhere
from pytest_ebpf.session.parallel import side_by_side
from pytest_ebpf.session.recipes import CALL_TIMEOUT, Recipes
from pytest_ebpf.session.warm import Warm, key_of

if TYPE_CHECKING:
    from pytest_ebpf.system.system import System


@dataclass(frozen=True)
class Running:
    """A kernel that runs, and the guest to talk to. *label* is what really booted."""

    kernel: Kernel
    machine: Machine
    guest: Guest
    label: str

    @cached_property
    def system(self) -> System:
        """The guest as a machine to drive; what is installed there is remembered as long as it runs."""
        from pytest_ebpf.system.system import System  # noqa: PLC0415  # only for those who drive it

        return System(self.guest)


@dataclass(frozen=True)
class Want:
    """What a test will ask for: a kernel, the scope it shares a machine with, the file it is in."""

    spec: str
    scope: str
    file: str


@dataclass(frozen=True)
class _Lease:
    scope: str
    running: Running


class Fleet:
    """Machines by kernel spec, at most one of each in use, ended on :meth:`close`.

    *call_timeout* is the seconds that a call of one may take.
    """

    def __init__(
        self,
        store: KernelStore,
        *,
        memory: int = 256,
        cpus: int = 1,
        wires: int = 0,
        call_timeout: float = CALL_TIMEOUT,
        accelerator_request: accelerator.Request = "auto",
        workers: int = 1,
        say: Callable[[str], None],
    ) -> None:
        self._store = store
        self._recipes = Recipes(
            store,
            memory=memory,
            cpus=cpus,
            wires=wires,
            call_timeout=call_timeout,
            request=accelerator_request,
            say=say,
        )
        self._workers = workers
        self._say = say
        self._shelf = Shelf(paths.cache_root(), say=say)
        self._warm = Warm(room_for_templates(workers))
        self._labels: dict[str, str] = {}
        self._leases: dict[str, _Lease] = {}
        self._waking: dict[str, list[Waking]] = {}
        self._usual: dict[tuple[str, str], str] = {}
        self._snapshots = True

    def kernel(self, spec: str) -> Kernel:
        """Return the kernel that *spec* means, fetched if need be."""
        return self._store.get(spec)

    def elsewhere(self, spec: str, name: str) -> str | None:
        """Return the version of another kernel at hand that has a function or type *name*, if one has."""
        return elsewhere(self._store, self.kernel(spec), name)

    def prepare(self, specs: Sequence[str], tell: Callable[[str], None] = lambda _: None) -> None:
        """Fetch kernels, one after the other, then boot those of which there is no snapshot, side by side.

        *tell* is told how far it is, by several threads. :class:`~pytest_ebpf.errors.KernelError` for a
        kernel that cannot be had, or that no test could speak to.
        """
        recipes: list[Recipe] = []
        for spec in specs:
            tell(f"fetching {spec}, {len(recipes)} of {len(specs)}")
            recipes.append(self._recipes.of(spec))
        done: list[Recipe] = []
        tell(f"0 of {len(specs)} can start")

        def keep(recipe: Recipe) -> None:
            try:
                self._shelf.get(recipe, timeout=self._recipes.boot_timeout)
            except KernelError:  # no other boot would end otherwise
                raise
            except (EbpfError, OSError):  # it is said to the test that needs the kernel
                pass
            done.append(recipe)
            tell(f"{len(done)} of {len(specs)} can start")

        side_by_side([partial(keep, recipe) for recipe in recipes])

    def running(self, spec: str, scope: str, *, cold: bool = False) -> Running:
        """Return the machine of *scope* with the kernel *spec*: the one it has, else a fresh one.

        A fresh one is restored from a snapshot, or booted if it is to be *cold*.
        """
        if not cold and (found := self._in_use(spec, scope)):
            for wire in found.machine.wires:
                wire.drop()
            return found
        return self._install(spec, scope, self._booted(spec) if cold else self._fresh(spec))

    @contextmanager
    def aside(self, spec: str) -> Iterator[Running]:
        """Give a machine of its own, in the place of none that is in use, for as long as it is needed."""
        machine, guest = self._fresh(spec)
        try:
            yield Running(self.kernel(spec), machine, guest, label_of(self.kernel(spec), guest.hello.release))
        finally:
            machine.stop()

    def copy(self, spec: str, scope: str, place: str, calls: Sequence[Call]) -> tuple[Running, Any] | None:
        """Return, for a *scope* without a machine, one in which *calls* were done, and the last's answer.

        None where no such machine is kept. *place* is the file of the test: what is loaded from there is made
        ready by :meth:`prefetch`.
        """
        key = key_of(spec, calls)
        self._usual[spec, place] = key
        return None if self._in_use(spec, scope) else self._from_template(spec, scope, key)

    def loaded(self, spec: str, calls: Sequence[Call], seconds: float) -> None:
        """Note what *calls* took; once they have cost as much as keeping a machine with them, keep one."""
        key = key_of(spec, calls)
        if self._warm.spent(key, seconds) and self._snapshots:
            with suppress(EbpfError, OSError):  # what does not come up is not kept, that is all
                base = self._shelf.get(self._recipes.of(spec), timeout=self._recipes.boot_timeout)
                self._warm.make(
                    key,
                    base,
                    calls,
                    wake_timeout=self._recipes.wake_timeout,
                    call_timeout=self._recipes.call_timeout,
                )

    @cached_property
    def ahead(self) -> int:
        """How many machines are worth starting ahead of the tests: what the processors can do at once."""
        return max(1, (os.cpu_count() or 1) // self._workers)

    def prefetch(self, wanted: Iterable[Want]) -> None:
        """Start the machines that the next tests will ask for, as far as there is room for them."""
        if not self._snapshots:
            return
        fresh = {(want.spec, want.scope): want for want in wanted if not self._in_use(want.spec, want.scope)}
        needed = Counter(map(self._likely, fresh.values()))
        for (key, spec), count in needed.items():
            for _ in range(count - len(self._waking.get(key, ()))):
                if not self._room(needed.keys()):
                    return
                template = self._warm.template(key)
                with suppress(EbpfError, OSError):  # whatever it is, it will be said when it is needed
                    waking = self._wake(template) if template else self._wake_kernel(spec)
                    self._waking.setdefault(key, []).append(waking)

    def _likely(self, want: Want) -> tuple[str, str]:
        """Return the key of the machine for *want*, judging by the tests before it, and its kernel."""
        usual = self._usual.get((want.spec, want.file), "")
        return usual if self._warm.template(usual) else want.spec, want.spec

    def discard(self, spec: str) -> None:
        """End the machine in use with this kernel, if there is one."""
        if lease := self._leases.pop(spec, None):
            lease.running.machine.stop()

    def close(self) -> None:
        """End every machine."""
        for key in list(self._waking):
            while waking := self._started(key):
                waking.machine.stop()
        for spec in list(self._leases):
            self.discard(spec)
        self._warm.close()

    @property
    def accelerator(self) -> accelerator.Choice:
        """What runs the machines, decided once."""
        return self._recipes.accelerator

    def _in_use(self, spec: str, scope: str) -> Running | None:
        """Return the machine that *scope* has already."""
        lease = self._leases.get(spec)
        same = lease is not None and lease.scope == scope and lease.running.machine.alive
        return lease.running if lease and same else None

    def _install(self, spec: str, scope: str, fresh: tuple[Machine, Guest]) -> Running:
        """Put a fresh machine into use, in the place of the one with the same kernel."""
        machine, guest = fresh
        self.discard(spec)
        for other in list(self._leases)[: max(0, len(self._leases) + 1 - self._most)]:
            self.discard(other)
        if spec not in self._labels:
            self._labels[spec] = label_of(self.kernel(spec), guest.hello.release)
        running = Running(self.kernel(spec), machine, guest, self._labels[spec])
        self._leases[spec] = _Lease(scope, running)
        return running

    def _from_template(self, spec: str, scope: str, key: str) -> tuple[Running, Any] | None:
        template = self._warm.template(key)
        if template is None:
            return None
        try:
            waking = self._started(key) or self._wake(template)
            running = self._install(spec, scope, waking.ready(self._recipes.wake_timeout))
        except DamagedSnapshotError as error:
            self._say(f"a machine of {spec} with an object loaded is thrown away: {error.what}")
            self._warm.drop(key)
            return None
        return running, template.answers[-1]

    def _fresh(self, spec: str) -> tuple[Machine, Guest]:
        """Restore a machine; where its snapshot is no good, from a new one; where there is none, boot."""
        for _ in range(2):
            if not self._snapshots:
                break
            try:
                waking = self._started(spec) or self._wake_kernel(spec)
                return waking.ready(self._recipes.wake_timeout)
            except DamagedSnapshotError as error:
                self._say(f"the snapshot of {spec} is thrown away: {error.what}")
                self._shelf.discard(self._recipes.of(spec).key)
            except OSError as error:
                self._say(f"no snapshots can be kept ({error.strerror}); booting a kernel for each test")
                self._snapshots = False
        return self._booted(spec)

    def _wake_kernel(self, spec: str) -> Waking:
        return self._wake(self._shelf.get(self._recipes.of(spec), timeout=self._recipes.boot_timeout))

    def _wake(self, source: Snapshot | Template) -> Waking:
        return restore(source, call_timeout=self._recipes.call_timeout)

    def _started(self, key: str) -> Waking | None:
        """Take a machine that was started ahead."""
        started = self._waking.get(key, [])
        waking = started.pop(0) if started else None
        if not started:
            self._waking.pop(key, None)
        return waking

    def _room(self, needed: Iterable[tuple[str, str]]) -> bool:
        """Whether one more machine may be started; one that was started in vain gives way."""
        keep = {key for key, _ in needed}
        if len(self._leases) + sum(map(len, self._waking.values())) < self._most:
            return True
        vain = next((key for key in self._waking if key not in keep), None)
        if vain is None or (waking := self._started(vain)) is None:
            return False
        waking.machine.stop()
        return True

    def _booted(self, spec: str) -> tuple[Machine, Guest]:
        machine = boot(self._recipes.of(spec), timeout=self._recipes.boot_timeout)
        guest = Guest(machine, timeout=self._recipes.call_timeout)
        try:
            guest.call("klog", clear=True)  # what it said while it booted is no outcome of a test
        except BaseException:
            machine.stop()
            raise
        return machine, guest

    @cached_property
    def _most(self) -> int:
        return machines_at_once(self._recipes.memory, self._workers)


def label_of(kernel: Kernel, booted: str) -> str:
    """Name what *booted* (``uname -r``): the exact version if it is the kernel we took it for."""
    return str(kernel.version) if booted == kernel.release else booted
