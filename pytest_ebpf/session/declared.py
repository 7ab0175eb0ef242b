"""What a manifest says of loading an object, as the options of a loader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_ebpf.bpf import LoadOptions
from pytest_ebpf.bpf.loading.options import Contents
from pytest_ebpf.build.ctext import spell
from pytest_ebpf.hooks import parse
from pytest_ebpf.manifest import Manifest, MapDecl, TypeDecl
from pytest_ebpf.manifest.mapchecks import prog_array_key
from pytest_ebpf.objects import ObjectFacts, ProgramFacts
from pytest_ebpf.session.ranges import declared_for


def declared_options(manifest: Manifest, name: str, facts: ObjectFacts) -> LoadOptions:
    """Return what *manifest* declares for the object *name*, of which *facts* tell which maps it has."""
    declared = manifest.objects[name]
    programs = declared.programs
    used = [each.name for each in facts.maps if each.name in manifest.maps]
    maps = {each: manifest.maps[each] for each in used}
    return LoadOptions(
        globals=declared.load.globals,
        autoload={each: program.autoload for each, program in programs.items()},
        max_entries=declared.load.max_entries,
        value_size=declared.load.value_size,
        inner=declared.load.inner,
        records={
            **{each: spell(map_.records, "", manifest.types) for each, map_ in maps.items() if map_.records},
            **{
                each: spell(program.records, "", manifest.types)
                for each, program in programs.items()
                if program.records
            },
            **declared.load.records,
        },
        attach={each: program.attach for each, program in programs.items() if program.attach},
        targets={each: program.target for each, program in programs.items() if program.target},
        alternatives=declared.alternatives,
        modules=declared.modules,
        hooks={
            each: program.hook
            for each, program in programs.items()
            if program.section and parse(program.section) != program.parsed_hook
        },
        declared_for=declared_for(manifest, name, facts),
        pin={each: map_.pin for each, map_ in maps.items() if map_.pin},
        contents={each: _contents(map_) for each, map_ in maps.items() if map_.contents},
        entries={
            each: _entries(manifest.types, map_, [*programs, *declared.alternatives])
            for each, map_ in maps.items()
            if map_.entries
        },
    )


def as_declared(facts: ObjectFacts, options: LoadOptions) -> ObjectFacts:
    """Return *facts* with the types of programs whose hooks only the manifest tells."""
    programs = tuple(
        _hooked(each, options.hooks[each.name]) if each.name in options.hooks else each
        for each in facts.programs
    )
    return replace(facts, programs=programs)


def _hooked(program: ProgramFacts, section: str) -> ProgramFacts:
    hook = parse(section)
    assert hook is not None, "validated"
    kind = hook.kind
    attach_type = None if kind.attach_type is None else int(kind.attach_type)
    return replace(program, hook=hook, prog_type=int(kind.prog_type), attach_type=attach_type)


def _contents(declared: MapDecl) -> Contents:
    if declared.key is None:
        return [entry.value for entry in declared.contents]
    return [(entry.key, entry.value) for entry in declared.contents]


def _entries(types: Mapping[str, TypeDecl], declared: MapDecl, programs: Sequence[str]) -> Mapping[int, str]:
    """The programs by the number of their key; those of other objects with the same map are left out."""
    given = declared.entries
    keyed = given if isinstance(given, Mapping) else dict(enumerate(given))
    numbers = {prog_array_key(types, key): program for key, program in keyed.items()}
    return {key: program for key, program in numbers.items() if key is not None and program in programs}
