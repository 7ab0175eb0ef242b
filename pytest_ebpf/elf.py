"""Read ELF files: sections, symbols, relocations. The only user of pyelftools.

Only what a BPF object or an unpacked kernel needs: 64-bit ELF, either byte order. Every table is held
against the size of the file before it is read, so no damaged file costs more than its own size.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import Section as _Section
from elftools.elf.sections import SymbolTableSection

from pytest_ebpf.errors import ObjectError

# Sizes in bytes of the tables' entries (ELF-64 object file format, version 1.5).
_SECTION_HEADER = 64
_SYMBOL = 24
_RELOCATION = {"REL": 16, "RELA": 24}

_SPECIAL_INDICES = {"SHN_UNDEF": 0, "SHN_ABS": 0xFFF1, "SHN_COMMON": 0xFFF2, "SHN_XINDEX": 0xFFFF}


@dataclass(frozen=True, slots=True)
class Section:
    """One section; *type* is ``PROGBITS``, ``SYMTAB``, ...

    *data* is empty for ``NOBITS``, whatever *size* says.
    """

    name: str
    index: int
    type: str
    flags: int
    link: int
    info: int
    address: int
    size: int
    entry_size: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Symbol:
    """One symbol; *type* is ``FUNC``, ``OBJECT``, ``SECTION``, ...; *bind* ``LOCAL``, ``GLOBAL`` or ``WEAK``.

    *section_index* is 0 for an undefined symbol, 0xfff1 for an absolute one; *visibility* ``DEFAULT``,
    ``HIDDEN``, ...
    """

    name: str
    value: int
    size: int
    type: str
    bind: str
    section_index: int
    visibility: str


@dataclass(frozen=True, slots=True)
class Relocation:
    """At *offset* of the section it applies to, *symbol*; *type* is the machine's number (``R_BPF_*``)."""

    offset: int
    type: int
    symbol: Symbol


@contextmanager
def _malformed() -> Iterator[None]:
    """Turn whatever pyelftools trips over into one kind of error (it raises many on damaged files)."""
    try:
        yield
    except ObjectError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ObjectError(f"malformed ELF file ({reason})", hint="build it again") from error


def _text(value: object, prefix: str) -> str:
    """Name of a constant without pyelftools' prefix; an unknown number as digits."""
    return str(value).removeprefix(prefix)


def _open(data: bytes) -> ELFFile:
    if data[:4] == b"BC\xc0\xde":
        instead = "compile without -flto and -emit-llvm, or give what links it"
        raise ObjectError("bitcode of LLVM, not an ELF file", hint=instead)
    if data[:4] != b"\x7fELF":
        seen = data[:4].hex(" ") or "nothing"
        raise ObjectError(
            f"not an ELF file (begins with {seen})", hint="give an object made by clang -target bpf"
        )
    if len(data) < _SECTION_HEADER or data[4] != 2:
        what = "cut short in its header" if data[4:5] in {b"", b"\x02"} else "not a 64-bit ELF file"
        raise ObjectError(f"{what} ({len(data)} bytes)", hint="build it again")
    with _malformed():
        elf = ELFFile(io.BytesIO(data))
        start, count = elf["e_shoff"], elf["e_shnum"]
        if not start:
            raise ObjectError("ELF file without sections", hint="give an object that is not stripped of them")
        if elf["e_shentsize"] != _SECTION_HEADER or start + max(count, 1) * _SECTION_HEADER > len(data):
            raise ObjectError(f"ELF file cut short ({len(data)} bytes)", hint="build it again")
        if start + elf.num_sections() * _SECTION_HEADER > len(data):
            raise ObjectError(f"ELF file cut short ({len(data)} bytes)", hint="build it again")
        return elf


def _contents(data: bytes, section: _Section) -> bytes:
    """The bytes of a section as they stand in the file."""
    header, name = section.header, section.name
    if header["sh_type"] == "SHT_NOBITS":
        return b""
    start, size = header["sh_offset"], header["sh_size"]
    if start + size > len(data):
        raise ObjectError(
            f"section {name or '(unnamed)'} ends at byte {start + size}, the file at {len(data)}",
            hint="the file is cut short; build it again",
        )
    return data[start : start + size]


def section(data: bytes, name: str) -> bytes | None:
    """Return the bytes of section *name* of the ELF file *data*, None if it has none.

    Parses neither symbols nor other sections, and copies nothing but the answer: fit for a vmlinux.
    """
    elf = _open(data)
    with _malformed():
        found = elf.get_section_by_name(name)
        return None if found is None else _contents(data, found)


class Elf:
    """A parsed ELF file. Attributes of the header are read at once, symbols when first asked for."""

    def __init__(self, elf: ELFFile, sections: tuple[Section, ...]) -> None:
        self._elf = elf
        self.sections = sections
        self.machine = _text(elf["e_machine"], "EM_")
        self.type = _text(elf["e_type"], "ET_")
        self.little_endian: bool = elf.little_endian
        self._by_name = {each.name: each for each in reversed(sections)}

    @classmethod
    def read(cls, data: bytes) -> Elf:
        """Parse *data*; :class:`ObjectError` if it is not a whole 64-bit ELF file."""
        elf = _open(data)
        with _malformed():
            sections = tuple(cls._read_sections(elf, data))
        return cls(elf, sections)

    @staticmethod
    def _read_sections(elf: ELFFile, data: bytes) -> Iterator[Section]:
        room = len(data)
        for index, each in enumerate(elf.iter_sections()):
            header = each.header
            contents = _contents(data, each)
            room -= len(contents)
            if room < 0:
                raise ObjectError("ELF file whose sections overlap", hint="build it again")
            yield Section(
                name=each.name,
                index=index,
                type=_text(header["sh_type"], "SHT_"),
                flags=header["sh_flags"],
                link=header["sh_link"],
                info=header["sh_info"],
                address=header["sh_addr"],
                size=header["sh_size"],
                entry_size=header["sh_entsize"],
                data=contents,
            )

    def section(self, name: str) -> Section | None:
        """The first section called *name*."""
        return self._by_name.get(name)

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbol table in the file's order, the null symbol included; empty if there is none."""
        return self._symbols("SYMTAB")

    @cached_property
    def dynamic_symbols(self) -> tuple[Symbol, ...]:
        """The symbols that a library or a program is linked by, which stripping leaves; likewise."""
        return self._symbols("DYNSYM")

    def _symbols(self, kind: str) -> tuple[Symbol, ...]:
        table = next((each for each in self.sections if each.type == kind), None)
        if table is None:
            return ()
        self._check_entries(table, _SYMBOL)
        with _malformed():
            return tuple(self._read_symbols(table))

    def _read_symbols(self, table: Section) -> Iterator[Symbol]:
        for each in cast("SymbolTableSection", self._elf.get_section(table.index)).iter_symbols():
            where = each["st_shndx"]
            yield Symbol(
                name=each.name,
                value=each["st_value"],
                size=each["st_size"],
                type=_text(each["st_info"]["type"], "STT_"),
                bind=_text(each["st_info"]["bind"], "STB_"),
                section_index=_SPECIAL_INDICES.get(where, 0) if isinstance(where, str) else where,
                visibility=_text(each["st_other"]["visibility"], "STV_"),
            )

    def relocations(self, target: Section) -> tuple[Relocation, ...]:
        """The relocations that apply to section *target*, in the file's order."""
        tables = [each for each in self.sections if each.type in _RELOCATION and each.info == target.index]
        with _malformed():
            return tuple(entry for table in tables for entry in self._read_relocations(table))

    def _read_relocations(self, table: Section) -> Iterator[Relocation]:
        self._check_entries(table, _RELOCATION[table.type])
        symbols = self.symbols
        for each in cast("RelocationSection", self._elf.get_section(table.index)).iter_relocations():
            index = each["r_info_sym"]
            if index >= len(symbols):
                raise ObjectError(
                    f"section {table.name}: relocation of symbol {index}, the file has {len(symbols)}",
                    hint="build it again",
                )
            yield Relocation(each["r_offset"], each["r_info_type"], symbols[index])

    @staticmethod
    def _check_entries(table: Section, size: int) -> None:
        if table.entry_size != size or table.size % size:
            what = f"{table.size} bytes in entries of {table.entry_size} (expected {size})"
            raise ObjectError(f"section {table.name}: {what}", hint="build it again")
