"""What instructions refer to by the relocations of the ELF file: maps, variables, functions, externs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from pytest_ebpf.elf import Relocation, Symbol
from pytest_ebpf.inspection.opened import Inspection
from pytest_ebpf.objects.code import Function
from pytest_ebpf.objects.instructions import CALL, LDIMM64, SIZE
from pytest_ebpf.requirements.externs import is_extern
from pytest_ebpf.requirements.model import Kconfig

_MAP_SECTIONS: Final = frozenset({".maps", "maps"})


class Target(StrEnum):
    """What a relocation leads to."""

    MAP = "map"
    DATA = "data"
    FUNCTION = "function"
    KSYM = "ksym"
    KCONFIG = "kconfig"
    OTHER = "other"


@dataclass(frozen=True)
class Reference:
    """At *instruction* of *function* stands *name*, a map, a variable, ...

    *instruction* counts from the start of the function, *offset* is its byte in the section. *name* is that
    of a section where the compiler names no symbol of it. *type_name* is as BTF has it, or the map's type.
    """

    function: str
    instruction: int
    offset: int
    target: Target
    name: str
    type_name: str | None


class References:
    """The references of one object."""

    def __init__(self, inspection: Inspection) -> None:
        self._inspection = inspection

    def of(self, function: Function) -> tuple[Reference, ...]:
        """Those of one function, in the order of its instructions."""
        return tuple(self._find(function))

    def _find(self, function: Function) -> Iterator[Reference]:
        linker = self._inspection.linker
        for index, instruction in enumerate(linker.body(function).instructions):
            if instruction.code not in {CALL, LDIMM64}:
                continue
            place = function.start + index * SIZE
            relocation = linker.code.relocation_at(function, place)
            if relocation:
                target, name = self._target(function, place, relocation, instruction.immediate)
                yield Reference(function.name, index, place, target, name, self._types.get((target, name)))

    def _target(
        self, function: Function, place: int, relocation: Relocation, immediate: int
    ) -> tuple[Target, str]:
        symbol = relocation.symbol
        linker = self._inspection.linker
        if is_extern(symbol):
            is_kconfig = isinstance(linker.externs.get(symbol.name), Kconfig)
            return (Target.KCONFIG if is_kconfig else Target.KSYM), symbol.name
        section = self._section(symbol)
        if section in _MAP_SECTIONS:
            return Target.MAP, symbol.name or section
        for call in linker.code.calls(function):
            if call.offset == place:
                return Target.FUNCTION, call.callee.name
        if (section, symbol.value + immediate) in self._variables:
            return Target.DATA, self._variables[section, symbol.value + immediate]
        if section.startswith((".rodata", ".data", ".bss")):
            return Target.DATA, symbol.name or section
        return Target.OTHER, symbol.name or section

    def _section(self, symbol: Symbol) -> str:
        sections = self._inspection.elf.sections
        return sections[symbol.section_index].name if symbol.section_index < len(sections) else ""

    @cached_property
    def _variables(self) -> dict[tuple[str, int], str]:
        return {(each.section, each.offset): each.name for each in self._inspection.facts.globals}

    @cached_property
    def _types(self) -> dict[tuple[Target, str], str | None]:
        facts = self._inspection.facts
        return {
            **{(Target.DATA, each.name): each.type_name for each in facts.globals},
            **{(Target.MAP, each.name): each.type_name for each in facts.maps},
        }
