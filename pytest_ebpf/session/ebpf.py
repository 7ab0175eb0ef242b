"""What a test is given: the project's objects, on one booted kernel."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypedDict, TypeVar, Unpack, overload

from pytest_ebpf.bpf import LoadedObject, load
from pytest_ebpf.guest import Guest
from pytest_ebpf.session.fleet import Fleet, Running
from pytest_ebpf.session.workspace import Prepared, Workspace

#: ``BPF_FUNC_get_prandom_u32`` of ``include/uapi/linux/bpf.h``.
_GET_PRANDOM_U32: Final = 7

Loaded = TypeVar("Loaded", bound=LoadedObject)


class Overrides(TypedDict, total=False):
    """What a test may set before loading; see :class:`~pytest_ebpf.bpf.LoadOptions`."""

    globals: Mapping[str, Any]
    autoload: Mapping[str, bool]
    max_entries: Mapping[str, int]
    value_size: Mapping[str, int]
    inner: Mapping[str, str]
    records: Mapping[str, str]


@dataclass
class Place:
    """Where a test runs: its kernel, what it shares a machine with, and its file.

    The machine is taken from the fleet when it is first needed. No call goes on beyond *until*, in seconds
    of ``time.monotonic()``.
    """

    fleet: Fleet
    spec: str
    scope: str
    file: str
    until: float
    cold: bool = False
    running: Running | None = None

    @property
    def guest(self) -> Guest:
        """The guest of this test."""
        if self.running is None:
            self._take(self.fleet.running(self.spec, self.scope, cold=self.cold))
        assert self.running is not None
        return self.running.guest

    def load(self, arguments: dict[str, Any], *, copied: bool) -> dict[str, Any]:
        """Carry out the op ``load``; if *copied*, maybe in a copy of a machine where it was done before."""
        first = copied and not self.cold and self.running is None
        if first and (ready := self.fleet.copy(self.spec, self.scope, self.file, arguments)):
            self._take(ready[0])
            return ready[1]
        guest = self.guest  # its deadline is this test's before anything is asked of it
        start = time.monotonic()
        answer: dict[str, Any] = guest.call("load", **arguments)
        if first:
            self.fleet.loaded(self.spec, arguments, time.monotonic() - start)
        return answer

    def _take(self, running: Running) -> None:
        self.running = running
        running.guest.until = self.until


@dataclass(frozen=True)
class _Loading:
    """The loading of one object at a place.

    Machines that are copies of one draw the same random numbers from ``bpf_get_prandom_u32``, which the
    kernel seeds when the first program that calls it is loaded: objects that call it are not copied.
    """

    place: Place
    prepared: Prepared

    @property
    def guest(self) -> Guest:
        return self.place.guest

    def load(self, arguments: dict[str, Any]) -> dict[str, Any]:
        random = any(_GET_PRANDOM_U32 in program.helpers for program in self.prepared.facts.programs)
        return self.place.load(arguments, copied=not random)


class Ebpf:
    """The ``ebpf`` fixture: :meth:`load` objects on the :attr:`kernel` that this test runs on."""

    def __init__(self, workspace: Workspace, place: Place) -> None:
        self._workspace = workspace
        self._place = place
        self._loaded: list[LoadedObject] = []
        self.kernel = place.fleet.kernel(place.spec)

    def __repr__(self) -> str:
        return f"<ebpf on {self.label or self.kernel.version}>"

    @property
    def label(self) -> str:
        """What booted, "" if nothing has yet."""
        return self._place.running.label if self._place.running else ""

    @property
    def _guest(self) -> Guest:
        return self._place.guest

    @overload
    def load(self, what: type[Loaded], **overrides: Unpack[Overrides]) -> Loaded: ...

    @overload
    def load(self, what: str, **overrides: Unpack[Overrides]) -> LoadedObject: ...

    def load(self, what: str | type[LoadedObject], **overrides: Unpack[Overrides]) -> LoadedObject:
        """Load an object into the kernel: one of the manifest by name or by its generated class, or a file.

        *globals* are initial values of global variables, *autoload* says which programs to load,
        *max_entries* and *value_size* are sizes of maps, each by name.
        :class:`~pytest_ebpf.errors.LoadError` if the kernel refuses the object,
        :class:`~pytest_ebpf.errors.UnsupportedError` if it lacks what the object needs.
        """
        cls, name = (LoadedObject, what) if isinstance(what, str) else (what, what.ebpf_object)
        prepared = self._workspace.prepared(name)
        options = replace(prepared.options, **_merged(prepared.options.autoload, overrides))
        loaded = load(
            _Loading(self._place, prepared),
            prepared.elf,
            prepared.facts,
            name=prepared.name,
            options=options,
            bindings=self._workspace.bindings,
            cls=cls,
        )
        self._loaded.append(loaded)
        return loaded

    @property
    def alive(self) -> bool:
        """Whether there is a machine, and it runs."""
        return self._place.running is not None and self._place.running.machine.alive

    def kernel_log(self) -> str:
        """Return what the kernel logged since this was last asked, or since the machine booted."""
        return str(self._guest.call("klog"))

    def abandon(self) -> None:
        """Take the machine for lost, which the test has been told: there is nothing left to unload."""
        self._loaded.clear()

    def close(self) -> None:
        """Unload everything; :class:`~pytest_ebpf.errors.KernelCrashedError` if the kernel died meanwhile."""
        loaded, self._loaded = self._loaded, []
        for each in loaded:
            each.close()


def _merged(autoload: Mapping[str, bool], overrides: Overrides) -> dict[str, Any]:
    return {**overrides, "autoload": {**autoload, **overrides.get("autoload", {})}}
