"""Objects held against what they refer to: files, maps, globals, their own programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_ebpf import hooks
from pytest_ebpf.manifest.attachchecks import attach_findings
from pytest_ebpf.manifest.defect import Finding, named_twice
from pytest_ebpf.manifest.mapchecks import record_findings
from pytest_ebpf.manifest.objectdecl import ObjectDecl, ProgramDecl
from pytest_ebpf.manifest.scope import Scope
from pytest_ebpf.manifest.values import value_findings
from pytest_ebpf.suggest import suggestion
from pytest_ebpf.uapi import AttachType

Path = tuple[str | int, ...]


def object_findings(scope: Scope) -> Iterator[Finding]:
    """Say what objects name that is not there, and what their programs do not take."""
    for name, decl in scope.document.objects.items():
        path = ("objects", name)
        if decl.source is not None and not (scope.root / decl.source).is_file():
            hint = "write it, or correct the path; paths are relative to the manifest"
            yield Finding((*path, "source"), f'no such file (seen "{decl.source}")', hint)
        yield from _used(scope, path, "maps", decl.maps or ())
        yield from _used(scope, path, "globals", decl.globals or ())
        for program, declared in decl.programs.items():
            yield from attach_findings((*path, "programs", program), declared)
            yield from _section((*path, "programs", program, "section"), declared)
            yield from _records(scope, (*path, "programs", program, "records"), declared)
        yield from _alternatives(scope, path, decl)
        yield from _load(scope, path, decl)
        yield from named_twice((*path, "modules"), decl.modules)


def _used(scope: Scope, path: tuple[str, str], table: str, names: tuple[str, ...]) -> Iterator[Finding]:
    declared: Mapping[str, object] = getattr(scope.document, table)
    yield from named_twice((*path, table), names)
    for index, name in enumerate(names):
        if name not in declared and not scope.is_doubtful(table, name):
            what = f'no such {table.removesuffix("s")} is declared (seen "{name}")'
            hint = suggestion(name, declared) or f"declare it as [{table}.{name}]"
            yield Finding((*path, table, index), what, hint)


def _section(path: Path, decl: ProgramDecl) -> Iterator[Finding]:
    """A section of another name than the hook's: the types of a program can be told libbpf, its flags not."""
    prefix = decl.parsed_hook.kind.prefix
    flags = prefix.endswith(".s") or ".frags" in prefix
    if decl.section and flags and hooks.parse(decl.section) != decl.parsed_hook:
        what = f'libbpf takes {prefix} from the section alone (seen "{decl.section}")'
        yield Finding(path, what, f'call the section "{decl.hook}"')


def _records(scope: Scope, path: Path, decl: ProgramDecl) -> Iterator[Finding]:
    """The type of what an iterator writes."""
    if decl.records is None:
        return
    if decl.parsed_hook.kind.attach_type != AttachType.TRACE_ITER:
        what = f'{decl.parsed_hook.kind.prefix} programs write none (seen "{decl.records}")'
        yield Finding(path, what, "give it to the map that they are sent by")
    else:
        yield from record_findings(scope, path, decl.records)


def _alternatives(scope: Scope, path: tuple[str, str], decl: ObjectDecl) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for group, programs in decl.alternatives.items():
        here = (*path, "alternatives", group)
        if group in decl.programs:
            yield Finding(here, f'a program has this name already (seen "{group}")', "choose another name")
        yield from named_twice(here, programs)
        for index, program in enumerate(programs):
            declared = decl.programs.get(program)
            if declared is None:
                if not scope.is_doubtful(*path):
                    what = f'no such program is declared (seen "{program}")'
                    hint = suggestion(program, decl.programs) or f"declare it as {'.'.join(path)}.programs"
                    yield Finding((*here, index), what, hint)
            elif not declared.autoload:
                yield Finding((*here, index), f'has autoload = false (seen "{program}")', "remove one")
            if owners.setdefault(program, group) != group:
                what = f'{owners[program]} has it already (seen "{program}")'
                yield Finding((*here, index), what, "remove one")


def _load(scope: Scope, path: tuple[str, str], decl: ObjectDecl) -> Iterator[Finding]:
    """Values of declared globals; of what is not declared only the built object tells."""
    for name, value in decl.load.globals.items():
        if (declared := scope.document.globals.get(name)) is not None:
            yield from value_findings(scope, (*path, "load", "globals", name), declared.type, value)
