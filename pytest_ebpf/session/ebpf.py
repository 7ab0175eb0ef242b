"""What a test is given: the project's objects, on one booted kernel."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar, overload

from pytest_ebpf.bpf import LoadedObject, LoadOptions, load
from pytest_ebpf.errors import EbpfError
from pytest_ebpf.session.fleet import Running
from pytest_ebpf.session.workspace import Workspace

Loaded = TypeVar("Loaded", bound=LoadedObject)


class Ebpf:
    """The ``ebpf`` fixture: :meth:`load` objects on the :attr:`kernel` that this test runs on."""

    def __init__(self, workspace: Workspace, running: Running) -> None:
        self._workspace = workspace
        self._guest = running.guest
        self._loaded: list[LoadedObject] = []
        self.kernel = running.kernel

    @overload
    def load(self, what: type[Loaded], **options: Any) -> Loaded: ...

    @overload
    def load(self, what: str, **options: Any) -> LoadedObject: ...

    def load(
        self,
        what: str | type[Loaded],
        *,
        globals: Mapping[str, Any] | None = None,  # noqa: A002  the field's own word
        autoload: Mapping[str, bool] | None = None,
        max_entries: Mapping[str, int] | None = None,
    ) -> LoadedObject | Loaded:
        """Load an object into the kernel: one of the manifest by name or by its generated class, or a file.

        *globals* are initial values of global variables, *autoload* says which programs to load,
        *max_entries* the sizes of maps, each by name.

        :class:`~pytest_ebpf.errors.LoadError` if the kernel refuses it,
        :class:`~pytest_ebpf.errors.UnsupportedError` if it lacks what the object needs.
        """
        name = what if isinstance(what, str) else what.ebpf_object
        prepared = self._workspace.prepared(name)
        options = LoadOptions(
            globals=globals or {},
            autoload={**prepared.autoload, **(autoload or {})},
            max_entries=max_entries or {},
        )
        loaded = load(
            self._guest,
            prepared.elf,
            prepared.facts,
            name=prepared.name,
            options=options,
            bindings=self._workspace.bindings,
        )
        self._loaded.append(loaded)
        return loaded

    def kernel_log(self) -> str:
        """Return what the kernel logged since this was last asked, or since the test began."""
        return str(self._guest.call("klog"))

    def close(self) -> None:
        """Unload everything. A guest that is gone has unloaded it already."""
        with suppress(EbpfError):
            for loaded in self._loaded:
                loaded.close()
        self._loaded.clear()
