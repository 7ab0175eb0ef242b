"""Checks between declarations: names that must exist, types that must fit, files that must be there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from pytest_ebpf.manifest.composition import circle
from pytest_ebpf.manifest.defect import DefectError, Finding, named_twice
from pytest_ebpf.manifest.initial import check_initial
from pytest_ebpf.manifest.mapchecks import map_findings
from pytest_ebpf.manifest.model import Document, EnumDecl, ObjectDecl
from pytest_ebpf.manifest.objectchecks import object_findings
from pytest_ebpf.manifest.scope import Scope


def check(document: Document, root: Path, *, doubtful: Collection[tuple[str | int, ...]]) -> list[Finding]:
    """Return what is wrong between the declarations of *document*, whose files lie under *root*.

    *doubtful* are the declarations (``("maps", "stats")``) that lack something because it was malformed:
    what follows from that is no further mistake.
    """
    scope = Scope(document, root, frozenset(doubtful))
    return [
        *_project(scope),
        *_build(scope),
        *_types(scope),
        *map_findings(scope),
        *_globals(scope),
        *object_findings(scope),
        *_clashes(scope),
    ]


def _project(scope: Scope) -> Iterator[Finding]:
    yield from named_twice(("project", "kernels"), scope.document.project.kernels)


def _build(scope: Scope) -> Iterator[Finding]:
    build = scope.document.build
    for key, folders in (("templates", build.templates), ("include", build.include)):
        for index, folder in enumerate(folders):
            if not (scope.root / folder).is_dir():
                hint = "make it, or correct the path; paths are relative to the manifest"
                yield Finding(("build", key, index), f'no such folder (seen "{folder}")', hint)


def _types(scope: Scope) -> Iterator[Finding]:
    types = scope.document.types
    circles: set[frozenset[str]] = set()
    for name, decl in types.items():
        if isinstance(decl, EnumDecl):
            continue
        for field, expr in decl.fields.items():
            yield from scope.unknown_type(("types", name, decl.keyword, field), expr)
        chain = circle(types, name)
        if chain and frozenset(chain) not in circles:
            circles.add(frozenset(chain))
            what = f"a type contains itself (seen {' -> '.join(chain)})"
            yield Finding(("types", name), what, "break the circle")


def _globals(scope: Scope) -> Iterator[Finding]:
    for name, decl in scope.document.globals.items():
        path = ("globals", name)
        yield from scope.unknown_type((*path, "type"), decl.type)
        if scope.size(decl.type) is not None:
            try:
                check_initial(scope.document.types, decl.type, decl.value)
            except DefectError as defect:
                yield Finding((*path, "value"), defect.what, defect.hint)


def _clashes(scope: Scope) -> Iterator[Finding]:
    """C has one name space for constants, variables (maps are such) and functions."""
    document = scope.document
    owners: dict[str, str] = {}
    enums = {name: decl for name, decl in document.types.items() if isinstance(decl, EnumDecl)}
    for path, owner in (
        *(
            (("types", name, "enum", value), f"types.{name}")
            for name in enums
            for value in enums[name].values
        ),
        *((("maps", name), f"maps.{name}") for name in document.maps),
        *((("globals", name), f"globals.{name}") for name in document.globals),
    ):
        if path[-1] in owners:
            yield _clash(path, owners[path[-1]])
        owners.setdefault(path[-1], owner)
    for name, decl in document.objects.items():
        for program in decl.programs if decl.path is None else ():
            owner = owners.get(program, "")
            if owner and _reaches(decl, owner):
                yield _clash(("objects", name, "programs", program), owner)


def _clash(path: tuple[str, ...], owner: str) -> Finding:
    hint = "C has one name space for constants, maps, globals and programs; rename one"
    return Finding(path, f'{owner} has this name already (seen "{path[-1]}")', hint)


def _reaches(decl: ObjectDecl, owner: str) -> bool:
    """Whether the C of the object *decl* has what *owner* (``maps.stats``) declares."""
    table, _, name = owner.partition(".")
    used = {"maps": decl.maps, "globals": decl.globals}.get(table)
    return used is None or name in used
