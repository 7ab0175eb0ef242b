"""Hold a built object against what the manifest declares of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from pytest_ebpf import hooks
from pytest_ebpf.errors import Problem
from pytest_ebpf.manifest.model import MapDecl, ObjectDecl, ProgramDecl
from pytest_ebpf.manifest.reader import Manifest
from pytest_ebpf.manifest.sizes import layout
from pytest_ebpf.manifest.typeexpr import TypeExpr
from pytest_ebpf.objects.maps import flag_names
from pytest_ebpf.objects.model import MapFacts, ObjectFacts, ProgramFacts
from pytest_ebpf.suggest import closest

_CORRECT: Final = "correct the declaration or the source"


def differences(
    manifest: Manifest, name: str, facts: ObjectFacts, *, maps: Collection[str] | None = None
) -> list[Problem]:
    """What of the object declared as *name* is missing from *facts* or otherwise there.

    *maps* are the declared maps that the object uses; by default those its declaration names. If it names
    none, those that it has are compared and none can be missing. What the object has and nobody declared
    is no difference, nor is a size that it leaves to the loader.
    """
    declared = manifest.objects[name]
    if maps is None:
        maps = declared.maps
    return [
        *_programs(manifest, name, declared, facts),
        *_maps(manifest, facts, maps),
        *_globals(manifest, facts, declared.globals),
        *_settings(manifest, name, declared, facts),
    ]


def _missing(what: str, name: str, facts: ObjectFacts, known: list[str]) -> tuple[str, str]:
    """The words for something that is not in the object."""
    near = closest(name, known)
    has = f"it has {', '.join(known)}" if known else "it has none"
    return f"no {what} {name} in {facts.path.name}", f'did you mean "{near}"?' if near else has


def _programs(manifest: Manifest, name: str, declared: ObjectDecl, facts: ObjectFacts) -> Iterator[Problem]:
    built = {program.name: program for program in facts.programs}
    for each, decl in declared.programs.items():
        path = ("objects", name, "programs", each)
        if each not in built:
            yield manifest.problem(path, *_missing("program", each, facts, list(built)))
        elif not _same_hook(decl, built[each]):
            wanted = decl.section or decl.parsed_hook.section
            what = f"declared in section {wanted}, built in {built[each].section}"
            yield manifest.problem(path, what, _CORRECT)


def _same_hook(decl: ProgramDecl, built: ProgramFacts) -> bool:
    """Whether a program is where it was declared; ``tc`` and ``classifier`` are two names of one place."""
    if decl.section:
        return decl.section.removeprefix("?") == built.section
    if built.section == decl.parsed_hook.section:
        return True
    return _place(decl.parsed_hook) == _place(built.hook)


def _place(hook: hooks.Hook | None) -> tuple[object, ...] | None:
    if hook is None:
        return None
    # Kinds that share both of the kernel's types (kprobe and kretprobe) differ in what is before the target.
    prefix = hook.kind.prefix if hook.kind.target else None
    return hook.kind.prog_type, hook.kind.attach_type, prefix, hook.target


def _maps(manifest: Manifest, facts: ObjectFacts, names: Collection[str] | None) -> Iterator[Problem]:
    built = {each.name: each for each in facts.maps}
    for name in names if names is not None else [each for each in manifest.maps if each in built]:
        if name not in built:
            yield manifest.problem(("maps", name), *_missing("map", name, facts, list(built)))
            continue
        for key, what in _map(manifest, manifest.maps[name], built[name]):
            yield manifest.problem(("maps", name, key), f"{what} in {facts.path.name}", _CORRECT)


def _map(manifest: Manifest, decl: MapDecl, built: MapFacts) -> Iterator[tuple[str, str]]:
    """Each differing key of a declaration, and how it differs."""
    if decl.map_type != built.type:
        yield "type", f"declared {decl.type}, built {built.type_name}"
        return  # what follows from the type would differ as well
    for key, declared, size in (("key", decl.key, built.key_size), ("value", decl.value, built.value_size)):
        wanted = layout(manifest, declared).size if declared else 0
        if size and wanted != size:
            yield key, f"declared {_sized(declared, wanted)}, built {size} bytes"
    if decl.max_entries and built.max_entries and decl.max_entries != built.max_entries:
        yield "max_entries", f"declared {decl.max_entries}, built {built.max_entries}"
    if int(decl.map_flags) != built.flags:
        yield "flags", f"declared {_flags(int(decl.map_flags))}, built {_flags(built.flags)}"
    if decl.inner and built.inner:
        inner = manifest.maps[decl.inner]
        for key, what in _map(manifest, inner, built.inner):
            yield "inner", f"{key} of {decl.inner}: {what}"


def _sized(declared: TypeExpr | None, size: int) -> str:
    return f"{declared} ({size} bytes)" if declared else "none"


def _flags(flags: int) -> str:
    return " and ".join(flag_names(flags)) or "none"


def _globals(manifest: Manifest, facts: ObjectFacts, names: Collection[str] | None) -> Iterator[Problem]:
    built = {each.name: each for each in facts.globals}
    for name in names if names is not None else [each for each in manifest.globals if each in built]:
        if name not in built:
            yield manifest.problem(("globals", name), *_missing("global", name, facts, list(built)))
            continue
        decl = manifest.globals[name]
        wanted = layout(manifest, decl.type).size
        if wanted != built[name].size:
            what = f"declared {decl.type} ({wanted} bytes), built {built[name].size} bytes"
            yield manifest.problem(("globals", name, "type"), f"{what} in {facts.path.name}", _CORRECT)
        elif decl.const and not built[name].constant:
            what = f"declared const, built in {built[name].section} of {facts.path.name}"
            yield manifest.problem(
                ("globals", name, "const"), what, "make it const volatile, or const = false"
            )


def _settings(manifest: Manifest, name: str, declared: ObjectDecl, facts: ObjectFacts) -> Iterator[Problem]:
    """What is set before loading, by names that only the object knows."""
    path, load = ("objects", name, "load"), declared.load
    maps = [each.name for each in facts.maps]
    variables = [each.name for each in facts.globals]
    for key, kind, names, known in (
        ("max_entries", "map", load.max_entries, maps),
        ("value_size", "map", load.value_size, maps),
        ("inner", "map", load.inner, maps),
        ("records", "map", load.records, maps),
        ("globals", "global", load.globals, variables),
    ):
        for each in names:
            if each not in known:
                yield manifest.problem((*path, key, each), *_missing(kind, each, facts, known))
    for outer, inner in load.inner.items():
        if inner not in maps:
            yield manifest.problem((*path, "inner", outer), *_missing("map", inner, facts, maps))
    for program, decl in declared.programs.items():
        used = decl.attach.get("map")
        if used is not None and used not in maps:
            where = ("objects", name, "programs", program, "attach", "map")
            yield manifest.problem(where, *_missing("map", used, facts, maps))
