"""ELF: the Python that runs the tests, and small files written by hand to be wrong."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from pytest_ebpf import elf
from pytest_ebpf.errors import ObjectError

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOBITS, SHT_REL, SHT_DYNSYM = 1, 2, 3, 8, 9, 11


class ElfWriter:
    """Writes a BPF object: sections behind the header, the table of sections at the end."""

    def __init__(self) -> None:
        self.names = b"\0"
        self.data = b""
        self.headers = [bytes(64)]

    def section(self, name: str, kind: int, data: bytes = b"", **fields: int) -> int:
        """Add a section; *fields* replace those of its header. Returns its index."""
        values = {
            "flags": 0,
            "offset": 64 + len(self.data),
            "size": len(data),
            "link": 0,
            "info": 0,
            "entry": 0,
        }
        values |= fields
        self.headers.append(
            struct.pack(
                "<IIQQQQIIQQ",
                len(self.names),
                kind,
                values["flags"],
                0,
                values["offset"],
                values["size"],
                values["link"],
                values["info"],
                1,
                values["entry"],
            )
        )
        self.names += name.encode() + b"\0"
        self.data += data
        return len(self.headers) - 1

    def symbols(
        self,
        *symbols: tuple[int, int, int, int, int],
        other: int = 0,
        kind: int = SHT_SYMTAB,
        **fields: int,
    ) -> int:
        """Add a symbol table of (name offset, info, section, value, size), names being those of sections."""
        data = bytes(24) + b"".join(
            struct.pack("<IBBHQQ", name, info, other, section, value, size)
            for name, info, section, value, size in symbols
        )
        return self.section("syms", kind, data, **({"entry": 24, "link": len(self.headers) + 1} | fields))

    def bytes(self, **fields: int) -> bytes:
        """The file, its header's fields replaced by *fields*."""
        names = self.section("names", SHT_STRTAB)
        at = 64 + len(self.data) + len(self.names)
        self.headers[names] = struct.pack(
            "<IIQQQQIIQQ", 0, SHT_STRTAB, 0, 0, 64 + len(self.data), len(self.names), 0, 0, 1, 0
        )
        values = {
            "machine": 247,
            "table": at,
            "size": 64,
            "count": len(self.headers),
            "names": names,
        } | fields
        ident = b"\x7fELF\2\1\1".ljust(16, b"\0")
        header = ident + struct.pack(
            "<HHIQQQIHHHHHH",
            1,
            values["machine"],
            1,
            0,
            0,
            values["table"],
            0,
            64,
            0,
            0,
            values["size"],
            values["count"],
            values["names"],
        )
        return header + self.data + self.names + b"".join(self.headers)


@pytest.fixture
def writer() -> ElfWriter:
    return ElfWriter()


def refusal(data: bytes) -> str:
    with pytest.raises(ObjectError) as caught:
        elf.Elf.read(data)
    return str(caught.value)


def test_a_program_of_this_machine():
    data = Path(sys.executable).resolve().read_bytes()
    found = elf.Elf.read(data)
    assert (found.machine, found.little_endian) == ("X86_64", True)
    assert found.type in {"EXEC", "DYN"}
    assert found.section(".text") is not None
    assert found.section(".nothing") is None
    assert elf.section(data, ".text") == found.section(".text").data
    assert elf.section(data, ".nothing") is None


def test_sections_symbols_and_relocations(writer):
    code = writer.section("xdp", SHT_PROGBITS, bytes(32), flags=6)
    zero = writer.section("zero", SHT_NOBITS, size=4096)
    writer.symbols((1, 0x12, code, 0, 32), (5, 0x01, zero, 8, 4), (0, 0x03, 0xFFF1, 0, 0), other=2)
    relocations = struct.pack("<QQ", 8, 2 << 32 | 1)
    writer.section(".relxdp", SHT_REL, relocations, link=3, info=code, entry=16)
    found = elf.Elf.read(_with_names_for_symbols(writer))
    assert (found.machine, found.type) == ("BPF", "REL")
    xdp = found.section("xdp")
    assert (xdp.index, xdp.type, xdp.flags, xdp.data) == (1, "PROGBITS", 6, bytes(32))
    assert (found.section("zero").size, found.section("zero").data) == (4096, b"")
    assert found.symbols[1:] == (
        elf.Symbol("xdp", 0, 32, "FUNC", "GLOBAL", 1, "HIDDEN"),
        elf.Symbol("zero", 8, 4, "OBJECT", "LOCAL", 2, "HIDDEN"),
        elf.Symbol("", 0, 0, "SECTION", "LOCAL", 0xFFF1, "HIDDEN"),
    )
    assert found.relocations(xdp) == (elf.Relocation(8, 1, found.symbols[2]),)
    assert found.relocations(found.section("zero")) == ()


def _with_names_for_symbols(writer: ElfWriter) -> bytes:
    """Link the symbol table, section 3, to the names of sections, section 5."""
    header = bytearray(writer.headers[3])
    header[40:44] = (5).to_bytes(4, "little")
    writer.headers[3] = bytes(header)
    return writer.bytes()


def test_what_is_stripped_keeps_the_symbols_that_it_is_linked_by(writer):
    code = writer.section("xdp", SHT_PROGBITS, bytes(32), flags=6)
    writer.section("zero", SHT_NOBITS, size=4096)
    writer.symbols((1, 0x12, code, 0, 32), kind=SHT_DYNSYM)
    writer.section("other", SHT_PROGBITS)
    found = elf.Elf.read(_with_names_for_symbols(writer))
    assert found.symbols == ()
    assert found.dynamic_symbols[1:] == (elf.Symbol("xdp", 0, 32, "FUNC", "GLOBAL", 1, "DEFAULT"),)


def test_an_object_without_symbols_has_none(writer):
    assert elf.Elf.read(writer.bytes()).symbols == ()


def test_what_is_no_elf_file():
    give = "give an object made by clang -target bpf"
    assert refusal(b"") == f"not an ELF file (begins with nothing); {give}"
    assert refusal(b"!<arch>\n") == f"not an ELF file (begins with 21 3c 61 72); {give}"
    assert refusal(b"\x7fELF\2\1") == "cut short in its header (6 bytes); build it again"
    assert refusal(b"\x7fELF\1\1".ljust(64, b"\0")) == "not a 64-bit ELF file (64 bytes); build it again"


def test_a_file_without_sections(writer):
    said = refusal(writer.bytes(table=0))
    assert said == "ELF file without sections; give an object that is not stripped of them"


def test_a_table_that_is_not_where_the_header_says(writer):
    length = len(writer.bytes())
    for fields in ({"table": 1 << 40}, {"count": 60_000}, {"size": 0}, {"table": length}):
        data = ElfWriter().bytes(**fields)
        assert refusal(data) == f"ELF file cut short ({len(data)} bytes); build it again"


def test_a_section_outside_the_file(writer):
    writer.section("xdp", SHT_PROGBITS, size=1 << 50)
    assert refusal(writer.bytes()) == (
        "section xdp ends at byte 1125899906842688, the file at 267; the file is cut short; build it again"
    )


def test_sections_that_overlap_cannot_fill_the_memory(writer):
    writer.section("big", SHT_PROGBITS, bytes(1000))
    for _ in range(3):
        writer.section("again", SHT_PROGBITS, offset=64, size=1000)
    assert refusal(writer.bytes()) == "ELF file whose sections overlap; build it again"


def test_a_symbol_table_of_another_shape(writer):
    writer.symbols((0, 0, 0, 0, 0), entry=12)
    with pytest.raises(ObjectError) as caught:
        _ = elf.Elf.read(writer.bytes()).symbols
    assert str(caught.value) == "section syms: 48 bytes in entries of 12 (expected 24); build it again"


def test_a_relocation_table_with_half_an_entry(writer):
    code = writer.section("xdp", SHT_PROGBITS, bytes(8))
    writer.section("zero", SHT_NOBITS)
    writer.symbols()
    writer.section(".relxdp", SHT_REL, bytes(24), link=3, info=code, entry=16)
    found = elf.Elf.read(_with_names_for_symbols(writer))
    with pytest.raises(ObjectError) as caught:
        found.relocations(found.section("xdp"))
    assert str(caught.value) == "section .relxdp: 24 bytes in entries of 16 (expected 16); build it again"


def test_a_relocation_of_a_symbol_that_is_not_there(writer):
    code = writer.section("xdp", SHT_PROGBITS, bytes(8))
    writer.section("zero", SHT_NOBITS)
    writer.symbols()
    writer.section(".relxdp", SHT_REL, struct.pack("<QQ", 0, 7 << 32 | 1), link=3, info=code, entry=16)
    found = elf.Elf.read(_with_names_for_symbols(writer))
    with pytest.raises(ObjectError) as caught:
        found.relocations(found.section("xdp"))
    assert str(caught.value) == "section .relxdp: relocation of symbol 7, the file has 1; build it again"


def test_what_the_parser_trips_over_is_one_kind_of_error(writer):
    writer.symbols((0, 0, 0, 0, 0), link=99)
    assert refusal(writer.bytes()).startswith("malformed ELF file (")
