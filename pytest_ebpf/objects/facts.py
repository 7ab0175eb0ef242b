"""Read a BPF object into facts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_ebpf.btf import Array, Btf, DataSec, Modifier, Var
from pytest_ebpf.btf.types import DEPTH
from pytest_ebpf.elf import Elf, Section, Symbol
from pytest_ebpf.errors import ObjectError
from pytest_ebpf.objects.code import Code, read_ext
from pytest_ebpf.objects.maps import read_maps
from pytest_ebpf.objects.model import TYPED, GlobalFacts, ObjectFacts

#: The last is of variables that lie in an arena.
_DATA = (".rodata", ".data", ".bss", ".addr_space.1")

#: Larger than any BPF object; a file beyond it is something else (a kernel, a core dump).
_LARGEST = 64 << 20


def read_object(path: Path) -> ObjectFacts:
    """Read the object at *path*; :class:`ObjectError`, located there, if it is none or damaged."""
    return parse_object(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Read the file at *path*, of one that is no object by its size no more than shows that.

    :class:`ObjectError`, located there, if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST + 1)
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise ObjectError(what, where=str(path), hint="check the path") from error


def parse_object(data: bytes, path: Path) -> ObjectFacts:
    """Read the bytes of an object that *path* names; :class:`ObjectError`, located there, if damaged."""
    with located(path):
        return _facts(data, path)


@contextmanager
def located(path: Path) -> Iterator[None]:
    """Put *path* before what is wrong with the object there, where nothing says so yet."""
    try:
        yield
    except ObjectError as error:
        if error.where and error.where.startswith(str(path)):
            raise
        what = f"{error.where}: {error.what}" if error.where else error.what
        raise ObjectError(what, where=str(path), hint=error.hint) from error


def require_programs(facts: ObjectFacts, name: str) -> None:
    """:class:`ObjectError` for the object *name* if it has no program: it could only look as if it worked."""
    if facts.lost:
        raise ObjectError(facts.lost, where=name, hint=TYPED)
    if not facts.programs:
        raise ObjectError("there is no program in it", where=name, hint='give a function a SEC("xdp")')


def _facts(data: bytes, path: Path) -> ObjectFacts:
    if len(data) > _LARGEST:
        raise ObjectError(f"larger than {_LARGEST >> 20} MiB", hint="give a BPF object")
    elf = Elf.read(data)
    # Compilers before LLVM 4 left the machine out, and libbpf takes those objects as well.
    if elf.machine not in {"BPF", "NONE"}:
        raise ObjectError(f"an ELF file for {elf.machine}, not for BPF", hint="compile with -target bpf")
    if elf.type != "REL":
        raise ObjectError(f"an ELF file of type {elf.type}, not an object (REL)", hint="compile with -c")
    types = elf.section(".BTF")
    btf = Btf.parse(types.data) if types else None
    code = Code(elf, btf, read_ext(elf, btf))
    return ObjectFacts(
        path=path,
        license=_license(elf),
        big_endian=not elf.little_endian,
        has_btf=btf is not None,
        programs=code.programs(),
        maps=read_maps(elf, btf),
        globals=tuple(_globals(elf, btf)),
        relocations=code.relocations(),
        btf=btf,
        untyped=code.untyped(),
    )


def _license(elf: Elf) -> str | None:
    section = elf.section("license")
    return section.data.split(b"\0")[0].decode("utf-8", "replace") if section else None


def is_data(section: Section) -> bool:
    """Whether libbpf makes a map of it (``.rodata``, ``.data.cold``, ...) or puts it into an arena."""
    return any(section.name == base or section.name.startswith(base + ".") for base in _DATA)


def _globals(elf: Elf, btf: Btf | None) -> Iterator[GlobalFacts]:
    """Global variables: named by BTF if there is any, placed by the symbol table.

    Static ones of several files that were linked may have one name; of those BTF tells the places, too.
    """
    symbols: dict[int, list[Symbol]] = {}
    for symbol in elf.symbols:
        if symbol.type == "OBJECT":
            symbols.setdefault(symbol.section_index, []).append(symbol)
    for section in filter(is_data, elf.sections):
        known = symbols.get(section.index, [])
        found = btf.find(section.name, DataSec) if btf else None
        if btf is None or found is None:
            for symbol in known:
                yield _global(symbol.name, section, (symbol.value, symbol.size), None, None)
            continue
        data = btf.type(found)
        for slot in data.variables if isinstance(data, DataSec) else ():
            variable = btf.type(slot.type_id)
            if not isinstance(variable, Var):
                raise ObjectError(
                    f"section {section.name}: type {slot.type_id} is no variable", hint="build it again"
                )
            places = [symbol.value for symbol in known if symbol.name == variable.name]
            offset = places[0] if len(places) == 1 else slot.offset
            yield _global(variable.name, section, (offset, slot.size), btf, slot.type_id)


def _global(
    name: str, section: Section, place: tuple[int, int], btf: Btf | None, type_id: int | None
) -> GlobalFacts:
    """The variable at *place* (offset, size)."""
    offset, size = place
    if offset + size > section.size:
        raise ObjectError(
            f"variable {name}: bytes {offset} to {offset + size} of section {section.name},"
            f" which has {section.size}",
            hint="build it again",
        )
    if btf and type_id:
        type_id = _unqualified(btf, type_id)
    return GlobalFacts(
        name=name,
        section=section.name,
        type_name=_plain_name(btf, type_id) if btf and type_id else None,
        type_id=type_id,
        offset=offset,
        size=size,
        constant=section.name.startswith(".rodata"),
        initial=section.data[offset : offset + size] if section.type != "NOBITS" else None,
    )


def _unqualified(btf: Btf, type_id: int) -> int:
    """The type of a variable without ``const`` and ``volatile``, but with its own name."""
    variable = btf.type(type_id)
    end = btf.strip(variable.type_id if isinstance(variable, Var) else type_id)
    while isinstance(outer := btf.type(type_id), Var | Modifier) and type_id != end:
        type_id = outer.type_id
    return type_id


def _plain_name(btf: Btf, type_id: int) -> str:
    """The type without ``const`` and ``volatile`` of array elements, which C moves there from the array."""
    dimensions = ""
    element = type_id
    for _ in range(DEPTH):
        outer = btf.type(element)
        if not isinstance(outer, Array | Modifier):
            break
        dimensions += f"[{outer.count}]" if isinstance(outer, Array) else ""
        element = outer.type_id
    name = btf.name(element)
    return btf.name(type_id) if name.endswith((")", "]")) else name + dimensions
