"""What is to be compiled: one unit for each object that has a source or a template."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pytest_ebpf import paths
from pytest_ebpf.build import ctext, files, graph, reserved, tokens
from pytest_ebpf.build.rendering import BODY, Templates
from pytest_ebpf.build.toolchain import system_headers
from pytest_ebpf.errors import BuildError, Problem, ToolError
from pytest_ebpf.manifest.model import ObjectDecl
from pytest_ebpf.manifest.reader import Manifest

#: What our own folders are called in the objects, wherever the package is installed.
_LIBBPF_SHOWN: Final = "libbpf"
_TEMPLATES_SHOWN: Final = "pytest_ebpf/templates"


@dataclass(frozen=True)
class Unit:
    """An object to compile: ninja's *job*, the text of its *header*, and what its ``vmlinux.h`` must hold.

    *identifiers* are the names that it says, *taken* those of types, *ordinary* those of variables and
    functions that the kernel must leave to it; *inputs* are the files its C was made from, *maps* the
    declared maps it uses, *known* the names that our headers and libbpf's bring, *problems* the declarations
    that are called like one of them.
    """

    name: str
    job: graph.Job
    header: str
    identifiers: frozenset[str]
    taken: frozenset[str]
    ordinary: tuple[str, ...]
    wants_vmlinux: bool
    inputs: tuple[str, ...]
    maps: tuple[str, ...]
    known: reserved.Reserved
    problems: tuple[Problem, ...]

    @property
    def names(self) -> tuple[Collection[str], Collection[str], Collection[str]]:
        """What decides its ``vmlinux.h``: *identifiers*, *taken*, *ordinary*."""
        return self.identifiers, self.taken, self.ordinary


@dataclass(frozen=True)
class _Body:
    """C *text*, the *file* clang compiles, the *folder* its own headers lie in, what it was made from.

    What a template gives is compiled in the build folder, while its headers lie beside the template.
    """

    text: str
    file: Path
    folder: Path
    inputs: tuple[str, ...]


class Units:
    """Makes the units of one manifest. Writes the bodies that come from templates, and every ``ebpf.h``."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self.folder = manifest.root / manifest.build.directory
        self._libbpf = paths.libbpf_include()
        if not (self._libbpf / "bpf" / "bpf_helpers.h").is_file():
            raise ToolError(
                "libbpf's headers are not there", where=str(self._libbpf), hint=paths.agent_recipe()
            )
        own = [manifest.root / folder for folder in manifest.build.templates]
        self._templates = Templates([*own, paths.templates()], self.shown)

    def shown(self, path: Path) -> str:
        """*path* as clang gets it: relative to the project where it lies in it."""
        root = self._manifest.root
        return str(path.relative_to(root) if path.is_relative_to(root) else path)

    @cached_property
    def _taken(self) -> frozenset[str]:
        """The names of C types and constants that the manifest declares."""
        types = self._manifest.types
        return frozenset([*types, *ctext.enumerators(types), "ebpf_ipv4_prefix", "ebpf_ipv6_prefix"])

    @cached_property
    def shared_inputs(self) -> tuple[str, ...]:
        """The files every header depends on."""
        return tuple(map(self.shown, self._templates.candidates("ebpf.h.j2")))

    def unit(self, name: str) -> Unit:
        """Make the unit of object *name* and write its header, and its body if that comes from a template."""
        declared = self._manifest.objects[name]
        folder = self.folder / name
        body = self._source(name, declared) if declared.source else self._rendered(name, declared, folder)
        includes = [body.folder, *(self._manifest.root / path for path in self._manifest.build.include)]
        seen = tokens.scan(body.text, body.folder, [*includes, paths.templates()], self._libbpf)
        maps = _used(declared.maps, self._manifest.maps, seen)
        variables = _used(declared.globals, self._manifest.globals, seen)
        header = self._header(name, maps, variables, seen)
        ordinary = (*maps, *variables, *declared.programs)
        wants = bool(seen.generated)
        if "ebpf.h" in seen.generated:
            files.write(folder / "ebpf.h", header)
        known = self._reserved(seen)
        found = tuple(reserved.problems(self._manifest, name, maps, variables, known))
        job = graph.Job(
            name=name,
            source=self.shown(body.file),
            output=self.shown(self.folder / f"{name}.bpf.o"),
            flags=self._flags(declared, folder, includes, ordinary, system=seen.system),
            generated=tuple(self.shown(folder / part) for part in self._generated(seen)),
        )
        words = seen.identifiers | (tokens.identifiers(header) if "ebpf.h" in seen.generated else frozenset())
        inputs = (*body.inputs, *map(self.shown, seen.files))
        taken = self._taken | seen.defined
        return Unit(name, job, header, words, taken, ordinary, wants, inputs, maps, known, found)

    def _reserved(self, seen: tokens.Names) -> reserved.Reserved:
        """What the headers say that come with ``ebpf.h``, and those of ours that the source includes."""
        if "ebpf.h" not in seen.generated:
            return reserved.NOTHING
        ours = [path for path in seen.files if path.parent == paths.templates()]
        brought = [self._libbpf / "bpf" / header for header in tokens.LIBBPF_HEADERS]
        own = [self._templates.path("ebpf.h.j2"), paths.templates() / "ebpf_constants.h"]
        return reserved.reserved(tuple(dict.fromkeys([*brought, *own, *ours])))

    def _generated(self, seen: tokens.Names) -> Sequence[str]:
        return ("ebpf.h", "vmlinux.h") if "ebpf.h" in seen.generated else tuple(seen.generated)

    def _source(self, name: str, declared: ObjectDecl) -> _Body:
        assert declared.source
        file = self._manifest.root / declared.source
        try:
            text = file.read_text(errors="replace")
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise BuildError(
                f'cannot read the source of {name} ({why}: "{declared.source}")',
                where=self._manifest.where(("objects", name, "source")),
                hint="write it, or correct the path",
            ) from error
        return _Body(text, file, file.parent, (declared.source,))

    def _rendered(self, name: str, declared: ObjectDecl, folder: Path) -> _Body:
        assert declared.template
        rendered = self._templates.body(
            declared.template,
            declared.parameters,
            self._context(name, declared),
            where=self._manifest.where(("objects", name, "template")),
            source=self._manifest.where(("objects", name, "parameters")),
        )
        file = folder / f"{name}.bpf.c"
        files.write(file, rendered.text)
        beside = self._templates.path(declared.template + BODY).parent
        return _Body(rendered.text, file, beside, tuple(map(self.shown, rendered.files)))

    def _context(self, name: str, declared: ObjectDecl) -> dict[str, Any]:
        """What every template is given besides its parameters (described in ``docs/templates.md``)."""
        programs = [
            {"name": program, "hook": decl.hook, "section": decl.section or decl.hook}
            for program, decl in declared.programs.items()
        ]
        return {
            "object": name,
            "programs": programs,
            "types": self._manifest.types,
            "maps": self._manifest.maps,
            "globals": self._manifest.globals,
        }

    def _header(self, name: str, maps: Sequence[str], variables: Sequence[str], seen: tokens.Names) -> str:
        manifest = self._manifest
        context = {
            "manifest": manifest.path.name,
            "object": name,
            "types": list(ctext.ctypes(manifest.types)),
            "maps": list(ctext.cmaps(maps, manifest.maps, manifest.types)),
            "records": list(ctext.crecords(manifest.objects[name].programs, manifest.types)),
            "globals": [ctext.cglobal(var, manifest.globals[var], manifest.types) for var in variables],
            "license": None if seen.licensed else ctext.string(manifest.project.license),
        }
        return self._templates.header(context)

    def _flags(
        self,
        declared: ObjectDecl,
        folder: Path,
        includes: Sequence[Path],
        ordinary: Sequence[str],
        *,
        system: bool,
    ) -> tuple[str, ...]:
        build = self._manifest.build
        folders = [folder, *includes, self._libbpf, paths.templates()]
        return graph.flags(
            cpu=build.cpu,
            includes=[self.shown(path) for path in folders],
            prefixes=[
                (str(self._manifest.root), ""),
                (str(self._libbpf), _LIBBPF_SHOWN),
                (str(paths.templates()), _TEMPLATES_SHOWN),
            ],
            system=[str(system_headers(os.uname().machine))] if system else [],
            names=ordinary,
            extra=[*build.flags, *declared.flags],
        )


def _used(told: tuple[str, ...] | None, declared: Any, seen: tokens.Names) -> tuple[str, ...]:
    """What an object uses: as *told*, else whatever its source names."""
    return told if told is not None else tuple(name for name in declared if name in seen.identifiers)
