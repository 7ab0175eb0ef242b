"""Declarations of the manifest in C: what the template of ``ebpf.h`` puts into place."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_ebpf.manifest.composition import parts_first
from pytest_ebpf.manifest.model import EnumDecl, GlobalDecl, MapDecl, TypeDecl
from pytest_ebpf.manifest.objectdecl import ProgramDecl
from pytest_ebpf.manifest.typeexpr import TypeExpr

#: C for the built-in types. The ``ebpf_`` names are how a value is known, from BTF, to be an address.
SPELLING: Final[Mapping[str, str]] = {
    **{f"{sign}{bits}": f"__{sign}{bits}" for sign in "us" for bits in (8, 16, 32, 64)},
    **{f"be{bits}": f"__be{bits}" for bits in (16, 32, 64)},
    "bool": "bool",
    "char": "char",
    "ipv4": "ebpf_ipv4",
    "ipv6": "ebpf_ipv6",
    "mac": "ebpf_mac",
    "ipv4_prefix": "struct ebpf_ipv4_prefix",
    "ipv6_prefix": "struct ebpf_ipv6_prefix",
}

#: C for the types that hold enums: of a typedef clang does not look behind, BTF calls every enum unsigned.
_HOLDERS: Final[Mapping[str, str]] = {
    f"{sign}{bits}": f"{word}{kind}"
    for sign, word in (("u", "unsigned "), ("s", "signed "))
    for bits, kind in ((8, "char"), (16, "short"), (32, "int"), (64, "long long"))
}

_SWAPS: Final = {"be16": "bpf_htons", "be32": "bpf_htonl", "be64": "bpf_cpu_to_be64"}

Types = Mapping[str, TypeDecl]


@dataclass(frozen=True)
class CType:
    """A declared type: its *head* (``struct rule``) and the *lines* between its braces."""

    head: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class CMap:
    """A map: its *name*, its *attributes* as libbpf's macros, the *tag* of its struct if another needs it.

    A map that is only the shape of inner maps is not *defined*.
    """

    name: str
    tag: str | None
    attributes: tuple[str, ...]
    defined: bool


@dataclass(frozen=True)
class CGlobal:
    """A global variable as one line of C."""

    name: str
    line: str


def spell(expr: TypeExpr, name: str, types: Types) -> str:
    """Return the C declaration of *name* as an *expr*: ``__u32 name[4]``."""
    dims = "".join(f"[{count}]" for count in expr.dims)
    return f"{_base(expr.base, types)} {name}".rstrip() + dims


def _base(name: str, types: Types) -> str:
    declared = types.get(name)
    return f"{declared.keyword} {name}" if declared else SPELLING[name]


def ctypes(types: Types) -> Iterator[CType]:
    """Return the declared types, each after those it is made of."""
    for name in parts_first(types):
        declared = types[name]
        if isinstance(declared, EnumDecl):
            yield _enum(name, declared)
        else:
            lines = tuple(f"{spell(expr, field, types)};" for field, expr in declared.fields.items())
            yield CType(f"{declared.keyword} {name}", lines)


def _enum(name: str, declared: EnumDecl) -> CType:
    # Without more C takes unsigned int; clang takes a fixed type in every dialect, and BTF keeps its size.
    fixed = "" if declared.type == "u32" else f" : {_HOLDERS[declared.type]}"
    lines = tuple(f"{constant} = {integer(value)}," for constant, value in declared.values.items())
    return CType(f"enum {name}{fixed}", lines)


def cmaps(used: Iterable[str], maps: Mapping[str, MapDecl], types: Types) -> Iterator[CMap]:
    """Return the maps that are *used*, those that others need the shape of first."""
    wanted = list(dict.fromkeys(used))
    inner = [shape for name in wanted if (shape := maps[name].inner)]
    for name in dict.fromkeys([*inner, *wanted]):
        tag = f"ebpf_map_{name}" if name in inner else None
        yield CMap(name, tag, tuple(_attributes(maps[name], types)), defined=name in wanted)


def _attributes(declared: MapDecl, types: Types) -> Iterator[str]:
    # Numbers, not the kernel's names: the kernel that vmlinux.h is made from may be older than the map type.
    yield f"__uint(type, {declared.map_type.value}); /* {declared.type} */"
    if declared.max_entries is not None:
        yield f"__uint(max_entries, {declared.max_entries});"
    if declared.flags:
        yield f"__uint(map_flags, {declared.map_flags.value}); /* {', '.join(declared.flags)} */"
    if declared.key is not None:
        yield f"__type(key, {spell(declared.key, '', types)});"
    if declared.records is not None:
        # A number is the length of an array of any type: this one brings the type of records into BTF, where
        # one that is used only within functions is not. 0 is LIBBPF_PIN_NONE.
        yield f"{spell(declared.records, '(*pinning)[0]', types)};"
    if declared.inner is not None:
        yield f"__array(values, struct ebpf_map_{declared.inner});"
    elif declared.value is not None:
        yield f"__type(value, {spell(declared.value, '', types)});"


def crecords(programs: Mapping[str, ProgramDecl], types: Types) -> Iterator[str]:
    """Return variables that bring the types of records of *programs* into BTF, in a section nobody loads.

    What is used only within functions is not there by itself.
    """
    for name, declared in programs.items():
        if declared.records is not None:
            yield f'{spell(declared.records, f"*ebpf_records_{name}", types)} SEC(".ebpf.records");'


def cglobal(name: str, declared: GlobalDecl, types: Types) -> CGlobal:
    """Return a global variable with its initial value."""
    qualifier = "const volatile " if declared.const else ""
    value = initial(declared.value, declared.type, types)
    return CGlobal(name, f"{qualifier}{spell(declared.type, name, types)} = {value};")


def initial(value: Any, expr: TypeExpr, types: Types) -> str:
    """Return the C initializer for *value*, which the manifest has found to fit *expr*."""
    if expr.dims:
        if isinstance(value, str):
            return string(value)
        return _braces(initial(item, expr.element, types) for item in value)
    if expr.base not in types:
        return _builtin(value, expr.base)
    return (
        value if isinstance(value, str) else integer(value)
    )  # of structs there are no values, see the model


def _builtin(value: Any, base: str) -> str:
    if base in _SWAPS:
        return f"{_SWAPS[base]}({integer(value)})"
    if write := _ADDRESSES.get(base):
        return write(value)
    return integer(ord(value) if isinstance(value, str) else int(value))


def _prefix(text: str) -> str:
    network = ipaddress.ip_network(text)
    address = _ADDRESSES[f"ipv{network.version}"](str(network.network_address))
    return f"{{ {network.prefixlen}, {address} }}"


def _bytes(data: bytes) -> str:
    return f"{{ {_braces(f'{byte:#04x}' for byte in data)} }}"


def _braces(items: Iterable[str]) -> str:
    return f"{{ {', '.join(items)} }}"


#: C for addresses as the manifest spells them.
_ADDRESSES: Final[Mapping[str, Callable[[str], str]]] = {
    "ipv4": lambda text: f"bpf_htonl({int(ipaddress.IPv4Address(text)):#010x})",
    "ipv6": lambda text: _bytes(ipaddress.IPv6Address(text).packed),
    "mac": lambda text: _bytes(bytes.fromhex(text.replace(":", ""))),
    "ipv4_prefix": _prefix,
    "ipv6_prefix": _prefix,
}


def integer(value: int) -> str:
    """Return a C literal of the right width; there is none for the least s64, so it is computed."""
    if value == -(1 << 63):
        return "(-9223372036854775807LL - 1)"
    if value >= 1 << 63:
        return f"{value}ULL"
    return f"{value}LL" if abs(value) >= 1 << 31 else str(value)


def string(text: str) -> str:
    """Return a C string literal of UTF-8 *text*."""
    return '"' + "".join(map(_escaped, text.encode())) + '"'


def _escaped(byte: int) -> str:
    # Octal: unlike \\x it ends after three digits whatever follows. "?" so that no trigraph comes about.
    plain = 0x20 <= byte < 0x7F and chr(byte) not in '"\\?'
    return chr(byte) if plain else f"\\{byte:03o}"


def enumerators(types: Types) -> Sequence[str]:
    """Return the names of all constants of the declared enums."""
    return [name for declared in types.values() if isinstance(declared, EnumDecl) for name in declared.values]
