"""What a test is given: the project's objects, on one booted kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict, TypeVar, Unpack, overload

from pytest_ebpf.bpf import LoadedObject, load
from pytest_ebpf.session.fleet import Running
from pytest_ebpf.session.workspace import Workspace

Loaded = TypeVar("Loaded", bound=LoadedObject)


class Overrides(TypedDict, total=False):
    """What a test may set before loading; see :class:`~pytest_ebpf.bpf.LoadOptions`."""

    globals: Mapping[str, Any]
    autoload: Mapping[str, bool]
    max_entries: Mapping[str, int]
    value_size: Mapping[str, int]
    inner: Mapping[str, str]
    records: Mapping[str, str]


class Ebpf:
    """The ``ebpf`` fixture: :meth:`load` objects on the :attr:`kernel` that this test runs on."""

    def __init__(self, workspace: Workspace, running: Running) -> None:
        self._workspace = workspace
        self._guest = running.guest
        self._machine = running.machine
        self._label = running.label
        self._loaded: list[LoadedObject] = []
        self.kernel = running.kernel

    def __repr__(self) -> str:
        return f"<ebpf on {self._label}>"

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
            self._guest,
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
        """Whether the machine still runs."""
        return self._machine.alive

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
