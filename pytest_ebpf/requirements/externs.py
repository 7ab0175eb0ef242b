"""Symbols that an object leaves to libbpf to fill in: the kernel's own, and its configuration.

Source: ``bpf_object__collect_externs`` of libbpf 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_ebpf.btf import Array, Btf, DataSec, Enum, Func, Int, Var
from pytest_ebpf.btf.names import essential
from pytest_ebpf.elf import Elf, Symbol
from pytest_ebpf.errors import BtfError
from pytest_ebpf.requirements.model import Kconfig, Ksym

_TRISTATE = "libbpf_tristate"


@dataclass(frozen=True)
class _Declared:
    """What BTF says of an extern: the id of its type; what section it is in."""

    section: str
    type_id: int
    is_function: bool


def is_extern(symbol: Symbol) -> bool:
    """Whether libbpf takes *symbol* for one (``sym_is_extern``)."""
    return (
        not symbol.section_index
        and symbol.type == "NOTYPE"
        and symbol.bind in {"GLOBAL", "WEAK"}
        and symbol.name != ""
    )


def externs(elf: Elf, btf: Btf | None) -> dict[str, Ksym | Kconfig]:
    """By name, in the order of the file's symbols.

    A symbol that no BTF tells of is given as an untyped one; libbpf refuses the object.
    """
    declared = dict(_declared(btf)) if btf else {}
    found: dict[str, Ksym | Kconfig] = {}
    for symbol in filter(is_extern, elf.symbols):
        weak = symbol.bind == "WEAK"
        known = declared.get(symbol.name)
        if known is None or btf is None:
            found[symbol.name] = Ksym(symbol.name, 0, is_function=False, weak=weak)
        elif known.section == ".kconfig":
            found[symbol.name] = Kconfig(symbol.name, *_shape(btf, known.type_id), weak=weak)
        else:
            type_id = known.type_id if known.is_function else btf.strip(known.type_id)
            name = essential(symbol.name) if known.is_function else symbol.name
            found[symbol.name] = Ksym(name, type_id, is_function=known.is_function, weak=weak)
    return found


def undeclared(elf: Elf, btf: Btf | None) -> list[str]:
    """Those that no BTF tells of, weak ones too: functions and variables that are defined nowhere."""
    declared = dict(_declared(btf)) if btf else {}
    return [each.name for each in elf.symbols if is_extern(each) and each.name not in declared]


def _declared(btf: Btf) -> Iterator[tuple[str, _Declared]]:
    for section in (".kconfig", ".ksyms"):
        found = btf.find(section, DataSec)
        data = btf.type(found) if found else None
        for slot in data.variables if isinstance(data, DataSec) else ():
            declared = btf.type(slot.type_id)
            if isinstance(declared, Var | Func):
                yield declared.name, _Declared(section, declared.type_id, isinstance(declared, Func))


def _shape(btf: Btf, type_id: int) -> tuple[str, int]:
    """The shape and the size of an option (``find_kcfg_type``); ``unknown`` is what libbpf refuses."""
    try:
        size = btf.size(type_id)
    except BtfError:
        return "unknown", 0
    match btf.type(btf.strip(type_id)):
        case Int(boolean=True):
            shape = "bool"
        case Int(size=1):
            shape = "char"
        case Int():
            shape = "int"
        case Enum(name=name) if name == _TRISTATE:
            shape = "tristate"
        case Array():
            shape = "string"
        case _:
            shape = "unknown"
    return shape, size
