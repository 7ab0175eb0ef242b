"""Which member of which struct of callbacks a program implements.

Source: ``bpf_object__collect_st_ops_relos`` of libbpf 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_ebpf.btf import Btf, Struct, Var
from pytest_ebpf.btf.names import essential
from pytest_ebpf.elf import Elf, Section, Symbol
from pytest_ebpf.requirements.model import Kind, Requirement

#: A question mark: the loader makes the map only where it is told to.
_SECTIONS: Final = (".struct_ops", ".struct_ops.link", "?.struct_ops", "?.struct_ops.link")


def struct_types(elf: Elf, btf: Btf | None) -> Iterator[Requirement]:
    """The struct of each map of callbacks, which the kernel must know, and the members that hold numbers."""
    for section, variable, found in _variables(elf, btf):
        weak, name = section.name.startswith("?"), essential(found.name)
        yield Requirement(Kind.STRUCT_OPS, name, subject=variable.name, weak=weak)
        contents = section.data[variable.value : variable.value + variable.size]
        ends = [*(each.bit_offset // 8 for each in found.members[1:]), found.size]
        for member, end in zip(found.members, ends, strict=True):
            if member.name and any(contents[member.bit_offset // 8 : end]):
                # libbpf leaves out what the kernel does not have only if it is zero.
                yield Requirement(Kind.STRUCT_OPS, f"{name}.{member.name}", subject=variable.name, weak=weak)


def members(elf: Elf, btf: Btf | None) -> dict[tuple[int, int], str]:
    """By section and first byte of the program, ``tcp_congestion_ops.init``."""
    implemented: dict[tuple[int, int], str] = {}
    for section, variable, found in _variables(elf, btf):
        names = {each.bit_offset: each.name for each in found.members}
        for relocation in elf.relocations(section):
            name = names.get((relocation.offset - variable.value) * 8)
            if name and variable.value <= relocation.offset < variable.value + variable.size:
                place = relocation.symbol.section_index, relocation.symbol.value
                implemented[place] = f"{essential(found.name)}.{name}"
    return implemented


def _variables(elf: Elf, btf: Btf | None) -> Iterator[tuple[Section, Symbol, Struct]]:
    """The maps of callbacks: where they are, and their type."""
    for section in filter(None, map(elf.section, _SECTIONS)) if btf else ():
        for symbol in elf.symbols:
            if symbol.section_index != section.index or symbol.type != "OBJECT" or btf is None:
                continue
            variable = btf.find(symbol.name, Var)
            found = btf.type(btf.strip(_type_of(btf, variable))) if variable else None
            if isinstance(found, Struct):
                yield section, symbol, found


def _type_of(btf: Btf, variable: int) -> int:
    found = btf.type(variable)
    assert isinstance(found, Var)
    return found.type_id
