"""Maps of an object: declared through BTF in section ``.maps``, or the legacy way in section ``maps``.

The members of a declaration and their encoding are libbpf's: ``parse_btf_map_def`` in its ``libbpf.c``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

from pytest_ebpf.btf import Array, Btf, DataSec, Enum, FuncProto, Ptr, Struct, Var
from pytest_ebpf.elf import Elf
from pytest_ebpf.errors import ObjectError
from pytest_ebpf.objects.model import MapFacts
from pytest_ebpf.uapi import MapFlag, MapType

#: Members that are numbers, and the rest of what libbpf knows, which does not change the shape.
_NUMBERS = frozenset({"type", "max_entries", "map_flags", "key_size", "value_size", "pinning"})
_MEMBERS = _NUMBERS | {"key", "value", "values", "numa_node", "map_extra"}

_LEGACY_DEFINITION = 20  # bytes of struct bpf_map_def: type, key size, value size, max_entries, flags


def type_name(number: int) -> str:
    """A map type in the words of manifests: ``lpm_trie``; an unknown one as its number."""
    try:
        return MapType(number).name.lower()
    except ValueError:
        return str(number)


def flag_names(flags: int) -> list[str]:
    """Flags of a map in the words of manifests; bits without a name in hexadecimal."""
    known = [flag.name.lower() for flag in MapFlag if flags & flag and flag.name]
    rest = flags & ~sum(MapFlag)
    return [*known, *([hex(rest)] if rest else [])]


def read_maps(elf: Elf, btf: Btf | None) -> tuple[MapFacts, ...]:
    """Every map that an object declares, in its order; global data is not among them."""
    if btf is None:
        return tuple(_legacy(elf))
    held = _held(elf)
    declared = (replace(each, programs=held.get(each.name, ())) for each in _declared(btf))
    return (*_legacy(elf), *declared, *_struct_ops(btf))


def _held(elf: Elf) -> dict[str, tuple[str, ...]]:
    """By map, the programs that its declaration puts into it (``.values = { [1] = &prog }``)."""
    section = elf.section(".maps")
    if section is None:
        return {}
    named = [each for each in elf.relocations(section) if each.symbol.type == "FUNC"]
    maps = [each for each in elf.symbols if each.section_index == section.index and named]
    return {
        each.name: tuple(
            found.symbol.name for found in named if 0 <= found.offset - each.value < max(each.size, 1)
        )
        for each in maps
        if each.type == "OBJECT"
    }


def _variables(btf: Btf, section: str) -> Iterator[Var]:
    found = btf.find(section, DataSec)
    data = btf.type(found) if found else None
    for slot in data.variables if isinstance(data, DataSec) else ():
        variable = btf.type(slot.type_id)
        if not isinstance(variable, Var):
            raise ObjectError(f"section {section}: type {slot.type_id} is no variable", hint="build it again")
        yield variable


def unknown_members(btf: Btf) -> Iterator[tuple[str, str]]:
    """Maps with what their declarations have that libbpf does not know."""
    for variable in _variables(btf, ".maps"):
        definition = btf.type(btf.strip(variable.type_id))
        for member in definition.members if isinstance(definition, Struct) else ():
            if member.name not in _MEMBERS:
                yield variable.name, member.name or "a member without a name"


def static_maps(elf: Elf, btf: Btf) -> Iterator[str]:
    """Maps that are static, which those are to libbpf that are hidden (``btf_fixup_datasec``)."""
    hidden = {each.name for each in elf.symbols if each.visibility in {"HIDDEN", "INTERNAL"}}
    for variable in _variables(btf, ".maps"):
        if variable.linkage == "static" or (variable.linkage == "global" and variable.name in hidden):
            yield variable.name


def _declared(btf: Btf) -> Iterator[MapFacts]:
    for variable in _variables(btf, ".maps"):
        definition = btf.type(btf.strip(variable.type_id))
        if not isinstance(definition, Struct):
            raise ObjectError(
                f"map {variable.name} is not declared as a struct", hint="use __uint and __type"
            )
        yield _definition(btf, variable.name, definition, outer=True)


def _definition(btf: Btf, name: str, definition: Struct, *, outer: bool) -> MapFacts:
    """One declaration. *outer* is False for the shape of inner maps, which hold no further maps."""
    numbers: dict[str, int] = {}
    key = value = None
    inner: MapFacts | None = None
    for member in definition.members:
        if member.name in _NUMBERS:
            numbers[member.name] = _number(btf, name, member.name, member.type_id)
        elif member.name == "key":
            key = _pointed(btf, name, "key", member.type_id)
            numbers["key_size"] = btf.size(key)
        elif member.name == "value":
            value = _pointed(btf, name, "value", member.type_id)
            numbers["value_size"] = btf.size(value)
        elif member.name == "values" and outer:
            numbers["value_size"] = 4  # a map or a program, by its descriptor
            inner = _inner(btf, name, member.type_id)
    kind = numbers.get("type", 0)
    return MapFacts(
        name=name,
        type=kind,
        type_name=type_name(kind),
        key_size=numbers.get("key_size", 0),
        value_size=numbers.get("value_size", 0),
        max_entries=numbers.get("max_entries", 0),
        flags=numbers.get("map_flags", 0),
        key=key,
        value=value,
        key_name=None if key is None else btf.name(key),
        value_name=None if value is None else btf.name(value),
        inner=inner,
        pinning=numbers.get("pinning", 0),
    )


def _number(btf: Btf, name: str, member: str, type_id: int) -> int:
    """A number: ``int (*member)[N]`` (``__uint``), or an enum of one value (``__ulong``)."""
    found = btf.type(btf.strip(type_id))
    if isinstance(found, Ptr):
        array = btf.type(btf.strip(found.type_id))
        if isinstance(array, Array):
            return array.count
    elif isinstance(found, Enum) and len(found.values) == 1:
        return found.values[0][1]
    raise ObjectError(f"map {name}: {member} is no number ({btf.name(type_id)})", hint="use __uint")


def _pointed(btf: Btf, name: str, member: str, type_id: int) -> int:
    found = btf.type(btf.strip(type_id))
    if not isinstance(found, Ptr):
        raise ObjectError(f"map {name}: {member} is no pointer ({btf.name(type_id)})", hint="use __type")
    return found.type_id


def _inner(btf: Btf, name: str, type_id: int) -> MapFacts | None:
    """The shape of the maps in a map; None for an array of programs."""
    array = btf.type(btf.strip(type_id))
    if isinstance(array, Array):
        target = btf.type(btf.strip(_pointed(btf, name, "values", array.type_id)))
        if isinstance(target, Struct):
            return _definition(btf, f"{name}.inner", target, outer=False)
        if isinstance(target, FuncProto):
            return None
    raise ObjectError(f"map {name}: values are neither maps nor programs", hint="use __array")


def _struct_ops(btf: Btf) -> Iterator[MapFacts]:
    """A map for each variable, as libbpf makes them; the kernel's BTF says how large its value is."""
    for section in (".struct_ops", "?.struct_ops", ".struct_ops.link", "?.struct_ops.link"):
        for variable in _variables(btf, section):
            yield MapFacts(
                name=variable.name,
                type=MapType.STRUCT_OPS,
                type_name=type_name(MapType.STRUCT_OPS),
                key_size=4,
                value_size=0,
                max_entries=1,
                flags=int(MapFlag.LINK) if section.endswith(".link") else 0,
                value=variable.type_id,
                value_name=btf.name(variable.type_id),
            )


def _legacy(elf: Elf) -> Iterator[MapFacts]:
    section = elf.section("maps")
    if section is None:
        return
    order = "<" if elf.little_endian else ">"
    for symbol in elf.symbols:
        if symbol.section_index != section.index or symbol.type not in {"OBJECT", "NOTYPE"}:
            continue
        if symbol.value + _LEGACY_DEFINITION > len(section.data):
            raise ObjectError(f"map {symbol.name} is cut short in section maps", hint="build it again")
        fields = struct.unpack_from(order + "5I", section.data, symbol.value)
        kind, key_size, value_size, max_entries, flags = fields
        yield MapFacts(
            symbol.name, kind, type_name(kind), key_size, value_size, max_entries, flags, legacy=True
        )
