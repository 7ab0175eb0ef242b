"""The Python module of a manifest: its enums and structs as classes, its objects as typed handles.

The text is pure, formatted as ruff would, and accepted by ``mypy --strict``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pytest_ebpf.build.classes import RECORD, WIDTH, Module, expressible, spell, type_class, usable
from pytest_ebpf.manifest.composition import parts_first
from pytest_ebpf.manifest.model import MapDecl, ObjectDecl
from pytest_ebpf.manifest.reader import Manifest

#: The class of a map by its type, with what stands in its brackets: the types of key, value and records.
_MAPS: Final[Mapping[str, tuple[str, str]]] = {
    "hash": ("HashMap", "KV"),
    "lru_hash": ("HashMap", "KV"),
    "rhash": ("HashMap", "KV"),
    "percpu_hash": ("PerCpuHashMap", "KV"),
    "lru_percpu_hash": ("PerCpuHashMap", "KV"),
    "array": ("ArrayMap", "V"),
    "percpu_array": ("PerCpuArrayMap", "V"),
    "lpm_trie": ("LpmTrie", "V"),
    "prog_array": ("ProgArray", ""),
    "array_of_maps": ("MapOfMaps", "K"),
    "hash_of_maps": ("MapOfMaps", "K"),
    "ringbuf": ("RingBuffer", "R"),
    "perf_event_array": ("PerfEventArray", "R"),
    "user_ringbuf": ("UserRingBuffer", "R"),
    "arena": ("Arena", ""),
    "devmap": ("DevMap", ""),
    "devmap_hash": ("DevMap", ""),
    "cpumap": ("CpuMap", ""),
    "sockmap": ("DescriptorMap", "K"),
    "sockhash": ("DescriptorMap", "K"),
    "xskmap": ("DescriptorMap", "K"),
    "reuseport_sockarray": ("DescriptorMap", "K"),
    "cgroup_array": ("DescriptorMap", "K"),
    "sk_storage": ("Storage", "V"),
    "inode_storage": ("Storage", "V"),
    "task_storage": ("Storage", "V"),
    "cgrp_storage": ("Storage", "V"),
    "cgroup_storage": ("KeyedMap", "KV"),
    "percpu_cgroup_storage": ("PerCpuHashMap", "KV"),
    "stack_trace": ("StackTraces", ""),
    "queue": ("QueueMap", "V"),
    "stack": ("QueueMap", "V"),
    "bloom_filter": ("BloomFilter", "V"),
}
_OTHER_MAP: Final = "Map"

_STANDARD: Final = frozenset(
    {"ClassVar", "IntEnum", "LoadedObject", "Maps", "Program", "Programs", _OTHER_MAP}
)

#: Part of every module made here, by which it is known.
MARK: Final = "Made by ebpf-build; do not edit."

_HEADING: Final = f'''"""Types and objects of {{manifest}}, for tests. {MARK}"""

from __future__ import annotations'''


def module(manifest: Manifest, used: Mapping[str, Sequence[str]]) -> str:
    """Return the text of the module. *used* tells the maps of each object that was compiled here."""
    types = manifest.types
    written = [
        name for name in parts_first(types) if expressible(types[name])
    ]  # defaults are looked up at once
    taken = {
        *_STANDARD,
        *(name for name, _ in _MAPS.values()),
        *({RECORD} if len(written) < len(types) else ()),
    }
    made = Module(types, taken)
    made.names.update((name, made.claim(name)) for name in written)
    blocks = [type_class(name, types[name], made) for name in written]
    for name, declared in manifest.objects.items():
        blocks += _object(name, declared, _maps_of(name, declared, manifest, used), made)
    return "\n\n\n".join([_imports(manifest.path.name, made), *blocks]) + "\n"


def _maps_of(
    name: str, declared: ObjectDecl, manifest: Manifest, used: Mapping[str, Sequence[str]]
) -> dict[str, MapDecl]:
    """The maps of an object; of one built elsewhere those it declares, since nothing else is known."""
    names = used.get(name, declared.maps or ())
    return {each: manifest.maps[each] for each in names}


def _imports(manifest: str, made: Module) -> str:
    plain = [f"import {name}" for name in ("builtins", "dataclasses") if name in made.standard]
    homes = {"dataclasses": ("dataclass", "field"), "enum": ("IntEnum",), "typing": ("ClassVar",)}
    for home, names in homes.items():
        if used := [name for name in names if name in made.standard]:
            plain.append(f"from {home} import {', '.join(used)}")
    package = _import_lines(sorted(made.imported)) if made.imported else []
    groups = ["\n".join(group) for group in (plain, package) if group]
    return "\n\n".join([_HEADING.format(manifest=manifest), *groups])


def _import_lines(names: Sequence[str]) -> list[str]:
    one = f"from pytest_ebpf.bpf import {', '.join(names)}"
    return (
        [one]
        if len(one) <= WIDTH
        else ["from pytest_ebpf.bpf import (", *(f"    {name}," for name in names), ")"]
    )


def _object(name: str, declared: ObjectDecl, maps: Mapping[str, MapDecl], made: Module) -> list[str]:
    """The handle of an object and what it holds: a class each for its maps and its programs."""
    made.standard.add("ClassVar")
    made.imported |= {"LoadedObject"}
    handle, of_maps, of_programs = (
        made.claim(name),
        made.claim(f"{name}_maps"),
        made.claim(f"{name}_programs"),
    )
    made.shadowed = frozenset(maps)
    members = [f"{each}: {_map(decl, made)}" for each, decl in maps.items() if usable(each)]
    named = [*declared.programs, *declared.alternatives]
    programs = [f"{each}: Program" for each in named if usable(each)]
    made.imported |= {"Maps"} if members else set()
    made.imported |= {"Program", "Programs"} if programs else set()
    lines = [f'ebpf_object: ClassVar[str] = "{name}"', ""]
    lines += [f"maps: {of_maps}"] if members else []
    lines += [f"programs: {of_programs}"] if programs else []
    return [
        *([_class(of_maps, "Maps", f"The maps of {name}.", members)] if members else []),
        *([_class(of_programs, "Programs", f"The programs of {name}.", programs)] if programs else []),
        _class(handle, "LoadedObject", f"The object {name}, loaded.", lines),
    ]


def _class(name: str, base: str, text: str, lines: Iterable[str]) -> str:
    body = "\n".join(f"    {line}".rstrip() for line in lines).rstrip()
    return f'class {name}({base}):\n    """{text}"""\n\n{body}'


def _map(declared: MapDecl, made: Module) -> str:
    cls, brackets = _MAPS.get(declared.type, (_OTHER_MAP, ""))
    made.imported.add(cls)
    spelled = {"K": declared.key, "V": declared.value, "R": declared.records}
    arguments = [spell(expr, made) if (expr := spelled[side]) else "bytes" for side in brackets]
    return f"{cls}[{', '.join(arguments)}]" if arguments else cls
