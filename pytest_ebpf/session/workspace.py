"""What a run works on: the manifest if there is one, the objects it builds, and objects built elsewhere."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType

from pytest_ebpf import manifest, objects, paths
from pytest_ebpf.bpf import LoadOptions, bindings_of
from pytest_ebpf.bpf.loading.alternatives import Choice
from pytest_ebpf.build import BuildResult
from pytest_ebpf.errors import MachineError, UsageError
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.machine.accelerator import Request
from pytest_ebpf.machine.recipe import find_qemu
from pytest_ebpf.manifest import Test as TestDecl
from pytest_ebpf.paths import LOCK_NAME
from pytest_ebpf.session.building import build_project
from pytest_ebpf.session.declared import as_declared, declared_options
from pytest_ebpf.session.fleet import Fleet
from pytest_ebpf.session.predictions import Predictions
from pytest_ebpf.session.prepared import Prepared


class Workspace:
    """The project of *manifest_path*; without one, the files below *folder*. *say* is told of long work."""

    def __init__(self, manifest_path: Path | None, folder: Path, *, say: Callable[[str], None]) -> None:
        self._say = say
        self.manifest_path = manifest_path
        self.root = manifest_path.parent if manifest_path else folder
        self.store = KernelStore(lock=self.root / LOCK_NAME, say=say)
        self._result: BuildResult | None = None
        self._prepared: dict[str, Prepared] = {}
        #: Which alternatives kernels took, by all that this depends on.
        self.choices: dict[str, Choice] = {}
        self.predictions = Predictions()

    @cached_property
    def manifest(self) -> manifest.Manifest | None:
        """The manifest, read and checked once."""
        return manifest.load(self.manifest_path) if self.manifest_path else None

    @property
    def promised(self) -> tuple[str, ...]:
        """The kernels that the manifest promises."""
        return self.manifest.kernels if self.manifest else ()

    @property
    def test(self) -> TestDecl:
        """How the manifest wants tests to be run."""
        return self.manifest.test if self.manifest else TestDecl()

    def fleet(self, accelerator: Request, *, workers: int = 1, timeout: float | None = None) -> Fleet:
        """Return the machines of a run, none booted yet; *workers* processes share what the host has.

        *timeout* is the seconds that a call may take, by default what the manifest gives a test.
        """
        return Fleet(
            self.store,
            memory=self.test.memory,
            cpus=self.test.cpus,
            wires=self.test.wires,
            call_timeout=timeout or self.test.timeout,
            accelerator_request=accelerator,
            workers=workers,
            say=self._say,
        )

    def require_emulator(self) -> None:
        """:class:`~pytest_ebpf.errors.EbpfError` if no machine can be started here, whatever the kernel."""
        find_qemu()
        if not paths.agent().is_file():
            raise MachineError(
                "the guest agent is not there", where=str(paths.agent()), hint=paths.agent_recipe()
            )

    def build(self) -> BuildResult | None:
        """Build what is stale; None where there is no manifest. Raises what :func:`build_project` does."""
        if self.manifest_path is None:
            return None
        self._result = build_project(self.manifest_path, say=self._say)
        return self._result

    @property
    def import_path(self) -> list[str]:
        """Folders from which test modules import the generated bindings."""
        return [str(self._result.bindings.parent)] if self._result else []

    @cached_property
    def bindings(self) -> Mapping[str, type]:
        """The generated classes by the name of their BTF type."""
        return bindings_of(vars(_module_of(self._result.bindings))) if self._result else {}

    def prepared(self, what: str) -> Prepared:
        """Return the object called *what* in the manifest, else the file of that path.

        :class:`~pytest_ebpf.errors.UsageError` if it is neither, :class:`~pytest_ebpf.errors.ObjectError`
        if the file is no BPF object.
        """
        if what not in self._prepared:
            self._prepared[what] = self._declared(what) or self.file(what)
        return self._prepared[what]

    def _declared(self, name: str) -> Prepared | None:
        if self.manifest is None or self._result is None or name not in self.manifest.objects:
            return None
        path = next(built.path for built in self._result.objects if built.name == name)
        read = _read(name, path, partial(declared_options, self.manifest, name))
        return replace(read, facts=as_declared(read.facts, read.options)) if read.options.hooks else read

    def file(self, what: str) -> Prepared:
        """Return the object in the file *what*, relative to the project."""
        path = self.root / what
        if not path.exists():
            known = ", ".join(sorted(self.manifest.objects)) if self.manifest else ""
            raise UsageError(
                f'no object is called "{what}", and no file either',
                where=str(self.manifest_path or self.root),
                hint=f"it declares {known}" if known else "give the path of an object file",
            )
        return _read(path.name, path, lambda _: LoadOptions())


def _read(name: str, path: Path, options_of: Callable[[objects.ObjectFacts], LoadOptions]) -> Prepared:
    data = objects.read_bytes(path)
    facts = objects.parse_object(data, path)
    return Prepared(name, data, facts, options_of(facts))


def _module_of(path: Path) -> ModuleType:
    """Return the module in *path*: the one the tests have imported, so that classes are the same."""
    for module in list(sys.modules.values()):
        if (file := getattr(module, "__file__", None)) and Path(file) == path:
            return module
    sys.path.insert(0, str(path.parent))
    try:
        return importlib.import_module(path.stem)
    finally:
        sys.path.remove(str(path.parent))
