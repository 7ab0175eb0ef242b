"""Read ELF files: sections, symbols, relocations.

Only what a BPF object or an unpacked kernel needs: 64-bit ELF, either byte order (ELF-64 object file format,
version 1.5). Every table is held against the size of the file before it is read, so no damaged file costs
much more than its own size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from struct import Struct
from typing import Final

from pytest_ebpf.errors import ObjectError

#: ``EI_DATA``: how :mod:`struct` writes the byte order.
_ORDERS: Final = {1: "<", 2: ">"}

#: Behind the 16 bytes that identify the file, and the sizes in bytes of the tables' entries.
_HEADER: Final = "HHIQQQIHHHHHH"
_SECTION_HEADER: Final = "IIQQQQIIQQ"
_SIZE_OF_HEADER: Final = 64
_SYMBOL: Final = "IBBHQQ"
_RELOCATIONS: Final = {"REL": "QQ", "RELA": "QQq"}

#: ``KSYM_NAME_LEN`` of the kernel, the longest it has had; what is longer is cut, so that many symbols cannot
#: each have a file of their own for a name.
_LONGEST_NAME: Final = 512

#: Where the header has no room for a number of sections, section 0 has it.
_MORE_SECTIONS: Final = 0xFFFF

_FILES: Final = {0: "NONE", 1: "REL", 2: "EXEC", 3: "DYN", 4: "CORE"}
_MACHINES: Final = {
    0: "NONE",
    3: "386",
    8: "MIPS",
    20: "PPC",
    21: "PPC64",
    22: "S390",
    40: "ARM",
    43: "SPARCV9",
    62: "X86_64",
    183: "AARCH64",
    243: "RISCV",
    247: "BPF",
    258: "LOONGARCH",
}
_SECTIONS: Final = {
    0: "NULL",
    1: "PROGBITS",
    2: "SYMTAB",
    3: "STRTAB",
    4: "RELA",
    5: "HASH",
    6: "DYNAMIC",
    7: "NOTE",
    8: "NOBITS",
    9: "REL",
    10: "SHLIB",
    11: "DYNSYM",
    14: "INIT_ARRAY",
    15: "FINI_ARRAY",
    16: "PREINIT_ARRAY",
    17: "GROUP",
    18: "SYMTAB_SHNDX",
    0x6FFF4C03: "LLVM_ADDRSIG",
    0x6FFFFFF6: "GNU_HASH",
    0x6FFFFFFD: "GNU_verdef",
    0x6FFFFFFE: "GNU_verneed",
    0x6FFFFFFF: "GNU_versym",
}
_SYMBOLS: Final = {0: "NOTYPE", 1: "OBJECT", 2: "FUNC", 3: "SECTION", 4: "FILE", 5: "COMMON", 6: "TLS"}
_BINDS: Final = {0: "LOCAL", 1: "GLOBAL", 2: "WEAK"}


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

    *section_index* is 0 for an undefined symbol, 0xfff1 for an absolute one.
    """

    name: str
    value: int
    size: int
    type: str
    bind: str
    section_index: int


@dataclass(frozen=True, slots=True)
class Relocation:
    """At *offset* of the section it applies to, *symbol*; *type* is the machine's number (``R_BPF_*``)."""

    offset: int
    type: int
    symbol: Symbol


def _named(number: int, names: dict[int, str]) -> str:
    """The name of a constant; an unknown one as digits."""
    return names.get(number) or str(number)


def _string(table: bytes, offset: int) -> str:
    """The string at *offset* of a table; empty outside of it."""
    return table[offset : offset + _LONGEST_NAME].partition(b"\0")[0].decode(errors="replace")


class _Headers:
    """The header of a file and those of its sections; names are read when they are asked for."""

    def __init__(self, data: bytes) -> None:
        if data[:4] != b"\x7fELF":
            seen = data[:4].hex(" ") or "nothing"
            raise ObjectError(
                f"not an ELF file (begins with {seen})", hint="give an object made by clang -target bpf"
            )
        if len(data) < _SIZE_OF_HEADER or data[4] != 2:
            what = "cut short in its header" if data[4:5] in {b"", b"\x02"} else "not a 64-bit ELF file"
            raise ObjectError(f"{what} ({len(data)} bytes)", hint="build it again")
        self.data = data
        if data[5] not in _ORDERS:
            raise ObjectError(f"ELF file of no byte order ({data[5]})", hint="build it again")
        self.order = _ORDERS[data[5]]
        header = self._unpack(_HEADER, 16)
        self.type, self.machine, start, names = header[0], header[1], header[5], header[12]
        if not start:
            raise ObjectError("ELF file without sections", hint="give an object that is not stripped of them")
        if header[10] != _SIZE_OF_HEADER:
            raise self._cut_short()
        self._check(start, 1)
        first = self._unpack(_SECTION_HEADER, start)
        count = header[11] or first[5]
        self._check(start, count)
        table = data[start : start + count * _SIZE_OF_HEADER]
        self.sections = list(Struct(self.order + _SECTION_HEADER).iter_unpack(table))
        self._names = first[6] if names == _MORE_SECTIONS else names

    def _unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        return Struct(self.order + layout).unpack_from(self.data, offset)

    def _check(self, start: int, count: int) -> None:
        if start + count * _SIZE_OF_HEADER > len(self.data):
            raise self._cut_short()

    def _cut_short(self) -> ObjectError:
        return ObjectError(f"ELF file cut short ({len(self.data)} bytes)", hint="build it again")

    @cached_property
    def _name_table(self) -> bytes:
        return self.contents(self._names, "with names") if self._names < len(self.sections) else b""

    def name(self, index: int) -> str:
        """The name of a section."""
        return _string(self._name_table, self.sections[index][0])

    def contents(self, index: int, name: str) -> bytes:
        """The bytes of a section as they stand in the file."""
        header = self.sections[index]
        if _SECTIONS.get(header[1]) == "NOBITS":
            return b""
        start, size = header[4], header[5]
        if start + size > len(self.data):
            raise ObjectError(
                f"section {name or '(unnamed)'} ends at byte {start + size}, the file at {len(self.data)}",
                hint="the file is cut short; build it again",
            )
        return self.data[start : start + size]


def section(data: bytes, name: str) -> bytes | None:
    """Return the bytes of section *name* of the ELF file *data*, None if it has none.

    Parses neither symbols nor other sections, and copies nothing but the answer: fit for a vmlinux.
    """
    headers = _Headers(data)
    for index in range(len(headers.sections)):
        if headers.name(index) == name:
            return headers.contents(index, name)
    return None


class Elf:
    """A parsed ELF file. Attributes of the header are read at once, symbols when first asked for."""

    def __init__(self, headers: _Headers, sections: tuple[Section, ...]) -> None:
        self.sections = sections
        self.machine = _named(headers.machine, _MACHINES)
        self.type = _named(headers.type, _FILES)
        self.little_endian = headers.order == "<"
        self._order = headers.order
        self._by_name = {each.name: each for each in reversed(sections)}

    @classmethod
    def read(cls, data: bytes) -> Elf:
        """Parse *data*; :class:`ObjectError` if it is not a whole 64-bit ELF file."""
        headers = _Headers(data)
        return cls(headers, tuple(cls._read_sections(headers)))

    @staticmethod
    def _read_sections(headers: _Headers) -> Iterator[Section]:
        room = len(headers.data)
        for index, header in enumerate(headers.sections):
            name = headers.name(index)
            contents = headers.contents(index, name)
            room -= len(contents)
            if room < 0:
                raise ObjectError("ELF file whose sections overlap", hint="build it again")
            yield Section(
                name=name,
                index=index,
                type=_named(header[1], _SECTIONS),
                flags=header[2],
                link=header[6],
                info=header[7],
                address=header[3],
                size=header[5],
                entry_size=header[9],
                data=contents,
            )

    def section(self, name: str) -> Section | None:
        """The first section called *name*."""
        return self._by_name.get(name)

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbol table in the file's order, the null symbol included; empty if there is none."""
        table = next((each for each in self.sections if each.type == "SYMTAB"), None)
        if table is None:
            return ()
        entries = self._entries(table, _SYMBOL)
        if table.link >= len(self.sections):
            what = f"names in section {table.link}, the file has {len(self.sections)}"
            raise ObjectError(f"section {table.name}: {what}", hint="build it again")
        names = self.sections[table.link].data
        return tuple(
            Symbol(
                name=_string(names, name),
                value=value,
                size=size,
                type=_named(info & 0xF, _SYMBOLS),
                bind=_named(info >> 4, _BINDS),
                section_index=where,
            )
            for name, info, _, where, value, size in entries
        )

    def relocations(self, target: Section) -> tuple[Relocation, ...]:
        """The relocations that apply to section *target*, in the file's order."""
        tables = [each for each in self.sections if each.type in _RELOCATIONS and each.info == target.index]
        return tuple(entry for table in tables for entry in self._read_relocations(table))

    def _read_relocations(self, table: Section) -> Iterator[Relocation]:
        entries = self._entries(table, _RELOCATIONS[table.type])
        symbols = self.symbols
        for offset, info, *_ in entries:
            index = info >> 32
            if index >= len(symbols):
                raise ObjectError(
                    f"section {table.name}: relocation of symbol {index}, the file has {len(symbols)}",
                    hint="build it again",
                )
            yield Relocation(offset, info & 0xFFFFFFFF, symbols[index])

    def _entries(self, table: Section, layout: str) -> Iterator[tuple[int, ...]]:
        entry = Struct(self._order + layout)
        if table.entry_size != entry.size or table.size % entry.size:
            what = f"{table.size} bytes in entries of {table.entry_size} (expected {entry.size})"
            raise ObjectError(f"section {table.name}: {what}", hint="build it again")
        return entry.iter_unpack(table.data)
