"""The Python module of a manifest: its enums and structs as classes, its objects as typed handles.

The text is pure, formatted as ruff would, and accepted by ``mypy --strict``.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_ebpf.manifest.model import EnumDecl, MapDecl, ObjectDecl, TypeDecl, UnionDecl
from pytest_ebpf.manifest.reader import Manifest
from pytest_ebpf.manifest.typeexpr import TypeExpr

#: What tests write and read for the built-in types that are no integers, and their zero.
_BUILTINS: Final[Mapping[str, tuple[str, str]]] = {
    "bool": ("bool", "False"),
    "ipv4": ("str", '"0.0.0.0"'),
    "ipv6": ("str", '"::"'),
    "mac": ("str", '"00:00:00:00:00:00"'),
    "ipv4_prefix": ("str", '"0.0.0.0/0"'),
    "ipv6_prefix": ("str", '"::/0"'),
}

#: Columns of a line, as ruff has it unless told otherwise.
_WIDTH: Final = 88

_INTEGER: Final = ("int", "0")

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

#: Makes a class that can be changed a key of dicts: keys of maps are read as such.
_HASH: Final = "hash_fields"

_STANDARD: Final = frozenset(
    {"ClassVar", "IntEnum", "LoadedObject", "Maps", "Program", "Programs", _OTHER_MAP}
)

#: Part of every module made here, by which it is known.
MARK: Final = "Made by ebpf-build; do not edit."

_HEADING: Final = f'''"""Types and objects of {{manifest}}, for tests. {MARK}"""

from __future__ import annotations'''


@dataclass
class _Module:
    """A module in the making.

    *names* are the classes of declared types, *imported* the names used of the package, *standard* those of
    the standard library, *shadowed* the fields of the class being written, *taken* all names of the module.
    """

    types: Mapping[str, TypeDecl]
    names: dict[str, str] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    standard: set[str] = field(default_factory=set)
    shadowed: frozenset[str] = frozenset()
    taken: set[str] = field(default_factory=lambda: {*_STANDARD, *(name for name, _ in _MAPS.values())})

    def name(self, name: str, home: str = "builtins") -> str:
        """Return how *name* is spelled in the class being written, where a field may have that name."""
        if name in self.shadowed:
            self.standard.add(home)
            return f"{home}.{name}"
        return name

    def claim(self, name: str) -> str:
        """Return the class name for a C *name*, made unlike all others of the module."""
        chosen = "".join(part[:1].upper() + part[1:] for part in name.split("_")) or "_"
        while chosen in self.taken or not chosen.isidentifier() or keyword.iskeyword(chosen):
            chosen += "_"
        self.taken.add(chosen)
        return chosen


def module(manifest: Manifest, used: Mapping[str, Sequence[str]]) -> str:
    """Return the text of the module. *used* tells the maps of each object that was compiled here."""
    made = _Module(manifest.types)
    expressible = [name for name in _in_order(manifest.types) if _expressible(manifest.types[name])]
    made.names.update((name, made.claim(name)) for name in expressible)
    blocks = [_type(name, manifest.types[name], made) for name in expressible]
    for name, declared in manifest.objects.items():
        blocks += _object(name, declared, _maps_of(name, declared, manifest, used), made)
    return "\n\n\n".join([_imports(manifest.path.name, made), *blocks]) + "\n"


def _maps_of(
    name: str, declared: ObjectDecl, manifest: Manifest, used: Mapping[str, Sequence[str]]
) -> dict[str, MapDecl]:
    """The maps of an object; of one built elsewhere those it declares, since nothing else is known."""
    names = used.get(name, declared.maps or ())
    return {each: manifest.maps[each] for each in names}


def _imports(manifest: str, made: _Module) -> str:
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
        if len(one) <= _WIDTH
        else ["from pytest_ebpf.bpf import (", *(f"    {name}," for name in names), ")"]
    )


def _in_order(types: Mapping[str, TypeDecl]) -> Iterator[str]:
    """The declared types, each after those it is made of: a field's default is looked up at once."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name not in types or name in done:
            return
        done.add(name)
        declared = types[name]
        if not isinstance(declared, EnumDecl):
            for expr in declared.fields.values():
                yield from visit(expr.base)
        yield name

    for name in types:
        yield from visit(name)


def _expressible(declared: TypeDecl) -> bool:
    """Whether Python takes every name; such a type reads as a ``Record``, whose fields are items too."""
    names = declared.values if isinstance(declared, EnumDecl) else declared.fields
    return all(_usable(name) for name in names)


def _usable(name: str) -> bool:
    return not keyword.iskeyword(name)


def _type(name: str, declared: TypeDecl, made: _Module) -> str:
    if isinstance(declared, EnumDecl):
        return _enum(name, declared, made)
    made.standard |= {"dataclass", "ClassVar"}
    made.imported.add(_HASH)
    made.shadowed = frozenset()
    kind = "union" if isinstance(declared, UnionDecl) else "struct"
    lines = [
        "@dataclass",
        f"class {made.names[name]}:",
        f'    """``{kind} {name}``."""',
        "",
        f'    __btf_name__: ClassVar[str] = "{name}"',
        f"    __hash__ = {_HASH}",
        "",
    ]
    made.shadowed = frozenset(declared.fields)
    for each, expr in declared.fields.items():
        spelled = _spell(expr, made)
        if kind == "union":
            lines.append(f"    {each}: {spelled} | None = None")
        else:
            lines.append(_wrapped(f"    {each}: {spelled} = {_default(expr, made)}"))
    return "\n".join(lines)


def _enum(name: str, declared: EnumDecl, made: _Module) -> str:
    made.standard |= {"IntEnum"}
    return "\n".join(
        [
            f"class {made.names[name]}(IntEnum):",
            f'    """``enum {name}``."""',
            "",
            f'    __btf_name__ = "{name}"',
            "",
            *(f"    {constant} = {value}" for constant, value in declared.values.items()),
        ]
    )


def _spell(expr: TypeExpr, made: _Module) -> str:
    """The Python type of a value: text for ``char[]``, bytes for ``u8[]``, lists for other arrays."""
    if _is_text(expr):
        return made.name("str")
    if _is_bytes(expr):
        return made.name("bytes")
    if expr.dims:
        return f"{made.name('list')}[{_spell(expr.element, made)}]"
    if expr.base in made.names:
        return made.names[expr.base]
    if expr.base in made.types and not isinstance(made.types[expr.base], EnumDecl):
        return _record(made)
    return made.name(_BUILTINS.get(expr.base, _INTEGER)[0])


def _record(made: _Module) -> str:
    made.imported.add("Record")
    return "Record"


def _wrapped(line: str) -> str:
    """Break a line that is too long after its first parenthesis and before its last, as ruff does."""
    if len(line) <= _WIDTH or not line.endswith(")"):
        return line
    head, _, rest = line.partition("(")
    return f"{head}(\n        {rest.removesuffix(')')}\n    )"


def _is_text(expr: TypeExpr) -> bool:
    return expr.base == "char" and len(expr.dims) == 1


def _is_bytes(expr: TypeExpr) -> bool:
    return expr.base == "u8" and len(expr.dims) == 1


def _default(expr: TypeExpr, made: _Module) -> str:
    """The default of a field: what the kernel would show for zeros."""
    plain = _plain_default(expr, made)
    if plain is not None:
        return plain
    made.standard.add("dataclasses" if "field" in made.shadowed else "field")
    factory = (
        made.names[expr.base] if not expr.dims and expr.base in made.names else f"lambda: {_zero(expr, made)}"
    )
    return f"{made.name('field', 'dataclasses')}(default_factory={factory})"


def _plain_default(expr: TypeExpr, made: _Module) -> str | None:
    """A default that may be shared between instances, None if there is none."""
    if _is_text(expr):
        return '""'
    if _is_bytes(expr):
        return f"{made.name('bytes')}({expr.dims[0]})"
    if expr.dims:
        return None
    declared = made.types.get(expr.base)
    if declared is None:
        return _BUILTINS.get(expr.base, _INTEGER)[1]
    return _constant(expr.base, declared, made) if isinstance(declared, EnumDecl) else None


def _constant(name: str, declared: EnumDecl, made: _Module) -> str:
    """The constant of an enum for 0, or the first where none is 0."""
    zero = next((each for each, value in declared.values.items() if value == 0), next(iter(declared.values)))
    return f"{made.names[name]}.{zero}" if name in made.names else "0"


def _zero(expr: TypeExpr, made: _Module) -> str:
    plain = _plain_default(expr, made)
    if plain is not None:
        return plain
    if not expr.dims:
        return (
            f"{made.names[expr.base]}()"
            if expr.base in made.names
            else f'{_record(made)}("{expr.base}", {{}})'
        )
    one = _zero(expr.element, made)
    shared = _plain_default(expr.element, made) is not None
    return f"[{one}] * {expr.dims[0]}" if shared else f"[{one} for _ in range({expr.dims[0]})]"


def _object(name: str, declared: ObjectDecl, maps: Mapping[str, MapDecl], made: _Module) -> list[str]:
    """The handle of an object and what it holds: a class each for its maps and its programs."""
    made.standard.add("ClassVar")
    made.imported |= {"LoadedObject"}
    handle, of_maps, of_programs = (
        made.claim(name),
        made.claim(f"{name}_maps"),
        made.claim(f"{name}_programs"),
    )
    made.shadowed = frozenset(maps)
    members = [f"{each}: {_map(decl, made)}" for each, decl in maps.items() if _usable(each)]
    named = [*declared.programs, *declared.alternatives]
    programs = [f"{each}: Program" for each in named if _usable(each)]
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


def _map(declared: MapDecl, made: _Module) -> str:
    cls, brackets = _MAPS.get(declared.type, (_OTHER_MAP, ""))
    made.imported.add(cls)
    spelled = {"K": declared.key, "V": declared.value, "R": declared.records}
    arguments = [_spell(expr, made) if (expr := spelled[side]) else "bytes" for side in brackets]
    return f"{cls}[{', '.join(arguments)}]" if arguments else cls
