"""Where a test runs: the machine that it gets when it first needs one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pytest_ebpf.bpf import LoadOptions, pins
from pytest_ebpf.bpf.loading.alternatives import Choice
from pytest_ebpf.bpf.probe import probes_of
from pytest_ebpf.bpf.running.seen import seen_of
from pytest_ebpf.guest import Guest
from pytest_ebpf.packets import recent_of
from pytest_ebpf.session.fleet import Fleet, Running
from pytest_ebpf.session.prepared import Prepared
from pytest_ebpf.session.workspace import Workspace

if TYPE_CHECKING:
    from pytest_ebpf.system.system import System
    from pytest_ebpf.wire import Wires

#: ``BPF_FUNC_get_prandom_u32`` of ``include/uapi/linux/bpf.h``.
_GET_PRANDOM_U32: Final = 7


@dataclass
class Place:
    """Where a test runs: its kernel, what it shares a machine with, and its file.

    The machine is taken from the fleet when it is first needed, and is *shared* with later tests of the same
    scope. No call goes on beyond *until*, in seconds of ``time.monotonic()``. If *observed*, what programs
    gave is kept. *others* tells whether later tests may want what is loaded here, on machines of their own.
    """

    fleet: Fleet
    spec: str
    scope: str
    file: str
    until: float
    cold: bool = False
    running: Running | None = None
    shared: bool = True
    observed: bool = False
    others: Callable[[], bool] = lambda: True
    _wires: Wires | None = None

    @property
    def guest(self) -> Guest:
        """The guest of this test."""
        return self._machine.guest

    @property
    def system(self) -> System:
        """The guest as a machine to drive, with the commands that are installed there."""
        return self._machine.system

    @property
    def wires(self) -> Wires:
        """The other ends of the guest's network cards."""
        from pytest_ebpf.wire import wires_of  # noqa: PLC0415  # only for those who send frames

        if self._wires is None:
            self._wires = wires_of(self.guest, self._machine.machine.wires)
        return self._wires

    @property
    def _machine(self) -> Running:
        """The machine that it has, or gets now."""
        return self.running or self._take(self.fleet.running(self.spec, self.scope, cold=self.cold))

    def set_deadline(self, until: float) -> None:
        """Have no call go on beyond *until* from now on."""
        self.until = until
        if self.running is not None:
            self.running.guest.until = until

    def tidy(self) -> None:
        """Undo what a test did beside loading objects, where others will find the machine as it leaves it."""
        if self.shared and self.running is not None:
            with ExitStack() as stack:
                if "system" in vars(self.running):
                    stack.callback(self.running.system.close)
                stack.callback(pins.unpin_all, self.running.guest)  # first: a pinned link is still attached

    def load(self, arguments: dict[str, Any], modules: Sequence[str], *, copied: bool) -> dict[str, Any]:
        """Insert *modules* and carry out the op ``load``.

        If *copied*, maybe in a copy of a machine where both were done before.
        """
        calls: list[tuple[str, dict[str, Any]]] = [("modules", {"names": list(modules)})] if modules else []
        calls.append(("load", arguments))
        first = copied and not self.cold and self.running is None
        if first and (ready := self.fleet.copy(self.spec, self.scope, self.file, calls)):
            self._take(ready[0])
            answer: dict[str, Any] = ready[1]
            return answer
        guest = self.guest  # its deadline is this test's before anything is asked of it
        start = time.monotonic()
        for op, each in calls:
            answer = guest.call(op, **each)
        if first and self.others():
            done = time.monotonic()
            self.fleet.loaded(self.spec, calls, done - start)
            self.set_deadline(guest.until + time.monotonic() - done)  # keeping a machine is for later tests
        return answer

    def _take(self, running: Running) -> Running:
        """Have the machine be this test's from now on."""
        self.running = running
        running.guest.until = self.until
        recent_of(running.guest).clear()
        seen_of(running.guest).begin(wanted=self.observed)
        probes_of(running.guest).elsewhere = partial(self.fleet.elsewhere, self.spec)
        return running


@dataclass(frozen=True)
class Loading:
    """The loading of one object at a place.

    Machines that are copies of one draw the same random numbers from ``bpf_get_prandom_u32``, which the
    kernel seeds when the first program that calls it is loaded: objects that call it are not copied.
    """

    place: Place
    prepared: Prepared
    workspace: Workspace

    @property
    def guest(self) -> Guest:
        """The guest that has the object, or has refused it."""
        return self.place.guest

    def load(self, arguments: dict[str, Any], modules: Sequence[str]) -> dict[str, Any]:
        """Have the machine of this test load the object, after *modules*."""
        random = any(_GET_PRANDOM_U32 in program.helpers for program in self.prepared.facts.programs)
        return self.place.load(arguments, modules, copied=not random)

    def choice(self, options: LoadOptions, choose: Callable[[LoadOptions], Choice]) -> Choice:
        """Return what *choose* finds out, asked once in a run for each kernel and object."""
        asked = (options.alternatives, options.attach, options.targets)
        key = f"{self.place.spec} {self.prepared.name} {asked}"
        if key not in self.workspace.choices:
            self.workspace.choices[key] = choose(options)
        return self.workspace.choices[key]
