"""What takes how much room in an object file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.elf import Elf, Section
from pytest_ebpf.hooks import parse

_SHF_EXECINSTR: Final = 4

#: By the beginning of a name; the first that fits counts.
_PURPOSES: Final = (
    (".rodata", "constants"),
    (".data", "global data"),
    (".bss", "global data, zero"),
    (".addr_space.1", "data of an arena"),
    (".maps", "maps"),
    ("maps", "maps, the legacy way"),
    (".struct_ops", "struct_ops"),
    ("?.struct_ops", "struct_ops"),
    (".kconfig", "configuration of the kernel"),
    (".ksyms", "symbols of the kernel"),
    ("license", "licence"),
    ("version", "version"),
    (".BTF.ext", "lines and relocations"),
    (".BTF", "types"),
    (".debug_", "DWARF, which no loader reads"),
    (".rel", "relocations"),
)
_TABLES: Final = {"SYMTAB": "symbols", "STRTAB": "names", "REL": "relocations", "RELA": "relocations"}


@dataclass(frozen=True)
class SectionFacts:
    """A section of *size* bytes; *stored* of them are in the file. *purpose* says what it is for."""

    name: str
    type: str
    size: int
    stored: int
    purpose: str


def sections(elf: Elf) -> tuple[SectionFacts, ...]:
    """Every section of the file in its order, the empty ones left out."""
    return tuple(_facts(elf))


def _facts(elf: Elf) -> Iterator[SectionFacts]:
    for each in elf.sections:
        if each.size:
            kind = hex(int(each.type)) if each.type.isdecimal() else each.type.lower()
            yield SectionFacts(each.name, kind, each.size, len(each.data), _purpose(each))


def _purpose(section: Section) -> str:
    if section.type in _TABLES:
        return _TABLES[section.type]
    if section.flags & _SHF_EXECINSTR:
        if section.name == ".text":
            return "subprograms"
        return "programs" if parse(section.name) else "programs of no hook known"
    return next((purpose for start, purpose in _PURPOSES if section.name.startswith(start)), "")
