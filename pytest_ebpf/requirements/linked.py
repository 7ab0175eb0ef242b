"""A program with the subprograms it calls behind it, as libbpf hands it to the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from pytest_ebpf.btf import Btf, Func
from pytest_ebpf.btf.ext import BtfExt, CoreRelo, LineInfo
from pytest_ebpf.elf import Elf, Relocation
from pytest_ebpf.errors import ObjectError
from pytest_ebpf.objects.code import Code, Function
from pytest_ebpf.objects.instructions import CALL, HELPER, LDIMM64, SIZE, Instruction
from pytest_ebpf.requirements.exceptions import callbacks
from pytest_ebpf.requirements.externs import externs, is_extern
from pytest_ebpf.requirements.helpers import TAIL_CALL
from pytest_ebpf.requirements.model import (
    Address,
    Call,
    DataAddress,
    FunctionFacts,
    Kconfig,
    Ksym,
    ProgramCode,
    SourceLine,
)
from pytest_ebpf.requirements.stack import frame_size

#: More instructions than the kernel takes (``BPF_COMPLEXITY_LIMIT_INSNS``), and than all programs of an
#: object have together, each with its subprograms.
_MOST = 1_000_000
_MOST_OF_ALL = 2 * _MOST


@dataclass(frozen=True)
class Body:
    """One function by itself: instructions and what they refer to, counted from its own start.

    *symbols* are the externs that calls and ``ldimm64`` name, *maps* the maps, *callbacks* the ``ldimm64``
    of functions.
    """

    function: Function
    instructions: tuple[Instruction, ...]
    addresses: Mapping[int, Address | None]
    symbols: Mapping[int, Ksym | Kconfig]
    maps: Mapping[int, str]
    callbacks: frozenset[int]
    relocations: Mapping[int, CoreRelo]
    stack: int
    is_global: bool


class Linker:
    """Functions and programs of one object."""

    def __init__(self, elf: Elf, btf: Btf | None, ext: BtfExt | None) -> None:
        self._elf = elf
        self._btf = btf
        self._ext = ext
        self.code = Code(elf, btf, ext)
        self.externs = externs(elf, btf)
        self.callbacks = callbacks(btf)
        self._bodies: dict[tuple[int, int], Body] = {}
        self._linked = 0

    @cached_property
    def _rodata(self) -> Mapping[str, bytes]:
        """What libbpf puts into maps that nobody writes to any more."""
        return {
            each.name: each.data
            for each in self._elf.sections
            if each.type == "PROGBITS" and (each.name == ".rodata" or each.name.startswith(".rodata."))
        }

    @cached_property
    def _core(self) -> Mapping[str, Mapping[int, CoreRelo]]:
        """CO-RE relocations by section and place."""
        found: dict[str, dict[int, CoreRelo]] = {}
        for each in self._ext.relocations if self._ext else ():
            found.setdefault(each.section, {})[each.offset] = each
        return found

    @cached_property
    def _maps(self) -> Mapping[tuple[int, int], str]:
        """The names of maps by section and first byte, as libbpf finds them."""
        section = self._elf.section(".maps")
        return {
            (each.section_index, each.value): each.name
            for each in self._elf.symbols
            if section and each.section_index == section.index and each.type == "OBJECT"
        }

    @cached_property
    def _globals(self) -> frozenset[tuple[str, int]]:
        """Where functions begin that the verifier takes by themselves: section and byte.

        It knows them by BTF, in which libbpf makes those static that are hidden.
        """
        if self._btf is None or self._ext is None:
            return frozenset()
        hidden = {
            (each.section_index, each.value)
            for each in self._elf.symbols
            if each.type == "FUNC" and each.visibility in {"HIDDEN", "INTERNAL"}
        }
        functions = ((each, self._btf.type(each.type_id)) for each in self._ext.functions)
        found = {
            (each.section, each.offset)
            for each, function in functions
            if isinstance(function, Func) and function.linkage == "global"
        }
        sections = self._elf.sections
        return frozenset(found - {(sections[at].name, place) for at, place in hidden if at < len(sections)})

    def body(self, function: Function) -> Body:
        """The function by itself; read once."""
        key = function.section.index, function.start
        if key not in self._bodies:
            self._bodies[key] = self._read(function)
        return self._bodies[key]

    def _read(self, function: Function) -> Body:
        start, instructions = function.start, self.code.instructions(function)
        core = self._core.get(function.section.name, {})
        addresses: dict[int, Address | None] = {}
        symbols: dict[int, Ksym | Kconfig] = {}
        maps: dict[int, str] = {}
        relocations: dict[int, CoreRelo] = {}
        for index, instruction in enumerate(instructions):
            place = start + index * SIZE
            if place in core:
                relocations[index] = core[place]
            if instruction.code not in {CALL, LDIMM64}:
                continue
            found = self.code.relocation_at(function, place)
            symbol = self._extern(found) if found else None
            if symbol:
                symbols[index] = symbol
            if found and (name := self._maps.get((found.symbol.section_index, found.symbol.value))):
                maps[index] = name
            if instruction.code == LDIMM64 and (found or instruction.src):
                addresses[index] = symbol or (self._data(found, instruction) if found else None)
        return Body(
            function=function,
            instructions=instructions,
            addresses=addresses,
            symbols=symbols,
            maps=maps,
            callbacks=frozenset(
                (each.offset - start) // SIZE for each in self.code.calls(function) if each.is_callback
            ),
            relocations=relocations,
            stack=frame_size(instructions),
            is_global=(function.section.name, start) in self._globals,
        )

    def _extern(self, relocation: Relocation) -> Ksym | Kconfig | None:
        return self.externs.get(relocation.symbol.name) if is_extern(relocation.symbol) else None

    def _data(self, relocation: Relocation, instruction: Instruction) -> DataAddress | None:
        """The byte of read-only data whose address is loaded."""
        index = relocation.symbol.section_index
        name = self._elf.sections[index].name if index < len(self._elf.sections) else ""
        if name not in self._rodata:
            return None
        return DataAddress(name, relocation.symbol.value + instruction.immediate)

    def line(self, function: Function, index: int, *, relocated: bool = False) -> SourceLine | None:
        """The line of an instruction of *function*."""
        place = function.start + index * SIZE
        if relocated:
            return _source(self.code.relocated_line(function, place))
        return _source(self.code.line(function.section.name, place))

    def first_line(self, name: str) -> SourceLine | None:
        """The line that first says the extern *name*."""
        symbol = self.externs[name]
        for function in self.code.functions:
            for index, found in self.body(function).symbols.items():
                if found is symbol:
                    return self.line(function, index)
        return None

    def link(self, program: Function) -> tuple[ProgramCode, tuple[Body, ...]]:
        """The code of *program* and its functions, in their order."""
        functions = (program, *self.code.subprograms(program))
        caught = self.caught(program)
        if caught and caught not in functions:
            functions = (*functions, caught)
        self._check_room(program, sum(each.size for each in functions) // SIZE)
        bodies = tuple(map(self.body, functions))
        firsts: dict[tuple[int, int], int] = {}
        at = 0
        for body in bodies:
            firsts[body.function.section.index, body.function.start] = at
            at += len(body.instructions)
        parts = [(body, firsts[body.function.section.index, body.function.start]) for body in bodies]
        code = ProgramCode(
            instructions=tuple(each for body in bodies for each in body.instructions),
            functions=tuple(
                replace(self._facts(body, first, firsts), catches=body.function is caught)
                for body, first in parts
            ),
            addresses={first + at: found for body, first in parts for at, found in body.addresses.items()},
            relocations={
                first + at: found for body, first in parts for at, found in body.relocations.items()
            },
            rodata=self._rodata,
            little_endian=self._elf.little_endian,
        )
        return code, bodies

    def caught(self, program: Function) -> Function | None:
        """The function that is called when *program* throws: a global one, as libbpf wants it."""
        name = self.callbacks.get(program.name)
        for each in self.code.functions if name else ():
            if each.name == name and not each.is_program and self.body(each).is_global:
                return each
        return None

    def _check_room(self, program: Function, total: int) -> None:
        self._linked += total
        if total > _MOST:
            raise ObjectError(
                f"program {program.name}: {total} instructions with those of its subprograms",
                hint=f"no kernel takes more than {_MOST}",
            )
        if self._linked > _MOST_OF_ALL:
            raise ObjectError(
                f"{self._linked} instructions in programs with their subprograms", hint="split the object"
            )

    def _facts(self, body: Body, first: int, firsts: Mapping[tuple[int, int], int]) -> FunctionFacts:
        function = body.function
        return FunctionFacts(
            name=function.name,
            first=first,
            instructions=len(body.instructions),
            stack=body.stack,
            is_global=body.is_global,
            calls=tuple(
                Call(
                    instruction=first + (each.offset - function.start) // SIZE,
                    callee=each.callee.name,
                    target=firsts[each.callee.section.index, each.callee.start],
                    is_callback=each.is_callback,
                )
                for each in self.code.calls(function)
            ),
            tail_calls=tuple(
                first + at
                for at, each in enumerate(body.instructions)
                if each.code == CALL and each.src == HELPER and each.immediate == TAIL_CALL
            ),
            source=self.line(function, 0),
        )


def _source(line: LineInfo | None) -> SourceLine | None:
    return SourceLine(line.file, line.line, line.text.strip()) if line else None
