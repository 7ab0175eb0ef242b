"""A build that has something to do: render, write, compile, check, and note what was done."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest_ebpf
from pytest_ebpf.build import bindings, diagnostics, files, graph, reserved, state, toolchain
from pytest_ebpf.build.advice import Known, advised
from pytest_ebpf.build.runner import Ninja
from pytest_ebpf.build.state import Entry, Stamps, State
from pytest_ebpf.build.toolchain import Clang
from pytest_ebpf.build.units import Unit, Units
from pytest_ebpf.build.vmlinux import Vmlinux
from pytest_ebpf.errors import BuildError, ManifestError, MismatchError, Problem, UsageError
from pytest_ebpf.manifest.reader import Manifest
from pytest_ebpf.paths import LOCK_NAME
from pytest_ebpf.suggest import suggestion

#: Holds a built object against the manifest: (manifest, object's name, its file) to what is wrong with it.
Check = Callable[[Manifest, str, Path], Sequence[Problem]]

#: Packages whose code decides what is built; a change in any of them makes everything stale.
_CODE: Final = ("build", "manifest", "btf")


@dataclass(frozen=True)
class Made:
    """The objects by name, how many were compiled, where the bindings are, the compiler's warnings."""

    objects: Mapping[str, Path]
    compiled: int
    bindings: Path
    warnings: tuple[str, ...]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have the build *folder* for this process alone: test workers build at the same time."""
    with files.explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Maker:
    """One build of one manifest. To be used while its folder is :func:`locked`."""

    def __init__(self, manifest: Manifest, kernel_btf: Callable[[str], Path], check: Check | None) -> None:
        self._manifest = manifest
        self._check = check
        self._units = Units(manifest)
        self.folder = self._units.folder
        self._last = state.load(self.folder)
        lock = manifest.root / LOCK_NAME
        salt = hashlib.sha256(lock.read_bytes() if lock.is_file() else b"").hexdigest()
        salt += repr(sorted(Stamps(manifest.root).all_of(_code("btf")).items()))
        self._vmlinux = Vmlinux(manifest.vmlinux_kernel, manifest.build.vmlinux, kernel_btf, salt)

    def make(self, only: Sequence[str], jobs: int | None) -> Made:
        """Bring the objects named in *only* (all if empty) up to date, and the bindings."""
        wanted = self._wanted(only)
        search = toolchain.search()
        clang = toolchain.examine(search.found, self._known_clang())
        declared = self._manifest.objects
        units = {name: self._units.unit(name) for name, decl in declared.items() if decl.path is None}
        asked = [unit for name, unit in units.items() if name in wanted]
        if found := dict.fromkeys(problem for unit in asked for problem in unit.problems):
            raise ManifestError(list(found))
        headers = self._write_headers(asked)
        self._write_state(State(clang=(clang.path, clang.version, clang.stamp), headers=headers))
        ninja = self._write_graph(list(units.values()), clang)
        targets = tuple(units[name].job.output for name in wanted if name in units)
        steps = ninja.build(targets, jobs=jobs, advise=self._advise(units)) if targets else ()
        outputs = {name: self._output(name, units) for name in wanted}
        checked = self._hold_against_manifest(outputs)
        entries = self._entries(outputs, units, ninja.dependencies() if targets else {}, checked)
        module = self._write_bindings(units)
        shared = self._shared_files(search, module)
        kept = self._kept_entries(shared)
        self._write_state(
            State(
                shared=shared,
                names=tuple(declared),
                objects={**kept, **entries},
                bindings=self._units.shown(module),
                clang=(clang.path, clang.version, clang.stamp),
                headers=headers,
                environment=state.environment(),
            )
        )
        warnings = tuple(text for step in steps for text in diagnostics.warnings(step.output))
        return Made(outputs, len(steps), module, warnings)

    def _wanted(self, only: Sequence[str]) -> tuple[str, ...]:
        known = self._manifest.objects
        for name in only:
            if name not in known:
                what = f'no such object (seen "{name}")'
                raise UsageError(what, where=self._manifest.where(("objects",)), hint=suggestion(name, known))
        return tuple(only) or tuple(known)

    def _known_clang(self) -> Clang | None:
        return Clang(*self._last.clang) if self._last.clang else None

    def _write_headers(self, units: Sequence[Unit]) -> dict[str, tuple[str, files.Stamp | None]]:
        """Write each ``vmlinux.h`` that is missing or outdated; return what they were all made from."""
        headers = dict(self._last.headers)
        for unit in units:
            if not unit.wants_vmlinux:
                continue
            path = self.folder / unit.name / "vmlinux.h"
            key = self._vmlinux.key(*unit.names)
            if (known := files.stamp(path)) and headers.get(unit.name) == (key, known):
                continue
            files.write(path, self._vmlinux.text(*unit.names))
            headers[unit.name] = (key, files.stamp(path))
        return headers

    def _write_graph(self, units: Sequence[Unit], clang: Clang) -> Ninja:
        jobs = [unit.job for unit in units]
        folder = self._units.shown(self.folder)
        stamp = f"clang {clang.version} {clang.stamp[0]} {clang.stamp[1]}"
        text = graph.ninja(jobs, clang=clang.path, stamp=stamp, folder=folder)
        files.write(self.folder / "build.ninja", text)
        commands = graph.compile_commands(jobs, clang=clang.path, root=self._manifest.root)
        files.write(self.folder / "compile_commands.json", commands)
        return Ninja(self._manifest.root, f"{folder}/build.ninja")

    def _advise(self, units: Mapping[str, Unit]) -> diagnostics.Advise:
        """What we know of the names in a unit that does not compile."""

        def advise(name: str, errors: Sequence[str]) -> Sequence[str]:
            unit, manifest = units[name], self._manifest
            known = Known(
                manifest=manifest.path.name,
                variables=[*manifest.maps, *manifest.globals],
                used=unit.ordinary,
                tags=manifest.types,
                brought=[*unit.known.calls, *unit.known.words, *unit.known.ordinary],
                constants=self._vmlinux.constants,
                structs=self._vmlinux.structs,
                kernel=manifest.vmlinux_kernel,
                ours=unit.known is not reserved.NOTHING,
            )
            return advised(errors, known)

        return advise

    def _output(self, name: str, units: Mapping[str, Unit]) -> Path:
        if name in units:
            return self._manifest.root / units[name].job.output
        prebuilt = self._manifest.objects[name].path
        assert prebuilt
        path = self._manifest.root / prebuilt
        if not path.is_file():
            where = self._manifest.where(("objects", name, "path"))
            raise BuildError(
                f'no such object (seen "{prebuilt}")', where=where, hint="run your own build first"
            )
        return path

    def _hold_against_manifest(self, outputs: Mapping[str, Path]) -> dict[str, str]:
        """Check what changed since it was last as declared. :class:`MismatchError` for what is not."""
        if self._check is None:
            return {}
        checked: dict[str, str] = {}
        problems: list[Problem] = []
        for name, path in outputs.items():
            digest = self._declaration(name, path)
            last = self._last.objects.get(name)
            if last is None or last.checked != digest:
                problems += self._check(self._manifest, name, path)
            checked[name] = digest
        if problems:
            raise MismatchError(problems)
        return checked

    def _declaration(self, name: str, path: Path) -> str:
        """Everything that the check of an object depends on."""
        manifest = self._manifest
        tables = (manifest.types, manifest.maps, manifest.globals, manifest.objects[name])
        return hashlib.sha256(repr((tables, files.stamp(path))).encode()).hexdigest()

    def _entries(
        self,
        outputs: Mapping[str, Path],
        units: Mapping[str, Unit],
        dependencies: Mapping[str, Sequence[str]],
        checked: Mapping[str, str],
    ) -> dict[str, Entry]:
        stamps = Stamps(self._manifest.root)
        entries = {}
        for name, path in outputs.items():
            output = self._units.shown(path)
            unit = units.get(name)
            inputs = unit.inputs if unit else ()
            seen = stamps.all_of([output, *inputs, *dependencies.get(output, ())])
            entries[name] = Entry(output, seen, checked.get(name, ""))
        return entries

    def _write_bindings(self, units: Mapping[str, Unit]) -> Path:
        manifest = self._manifest
        told = manifest.build.bindings
        path = manifest.root / told if told else self.folder / "bindings.py"
        if told and path.is_file() and bindings.MARK not in path.read_text(errors="replace"):
            what = f'is a file of your own, not one that this build made (seen "{told}")'
            raise BuildError(what, where=manifest.where(("build", "bindings")), hint="choose another path")
        files.write(path, bindings.module(manifest, {name: unit.maps for name, unit in units.items()}))
        return path

    def _shared_files(self, search: toolchain.Search, module: Path) -> state.Files:
        manifest = self._manifest
        graph_files = [self.folder / "build.ninja", self.folder / "compile_commands.json", module]
        return Stamps(manifest.root).all_of(
            [
                manifest.path.name,
                LOCK_NAME,  # another kernel may bring another BTF
                search.found,
                *search.missed,
                *map(self._units.shown, graph_files),
                *self._units.shared_inputs,
                *(path for package in _CODE for path in _code(package)),
            ]
        )

    def _kept_entries(self, shared: state.Files) -> Mapping[str, Entry]:
        """What is known of objects that were not asked for, unless something changed that concerns all."""
        return self._last.objects if self._last.shared == shared else {}

    def _write_state(self, new: State) -> None:
        files.write(self.folder / state.FILE_NAME, state.dump(new))


def _code(package: str) -> list[str]:
    folder = Path(pytest_ebpf.__file__).parent / package
    return sorted(map(str, folder.glob("*.py")))
