"""Functions of an object: programs, the subprograms they call, where they come from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from pytest_ebpf.btf import Btf
from pytest_ebpf.btf.ext import BtfExt, CoreRelo, LineInfo, access
from pytest_ebpf.elf import Elf, Relocation, Section
from pytest_ebpf.errors import ObjectError
from pytest_ebpf.hooks import parse
from pytest_ebpf.objects.instructions import (
    ALU,
    ALU64,
    CALL,
    HELPER,
    LDIMM64,
    MOV,
    SIZE,
    SUBPROGRAM,
    Instruction,
    decode,
)
from pytest_ebpf.objects.model import CoreRelocation, ProgramFacts

_SHF_EXECINSTR = 4

#: Functions may have several names, but not so many that they are larger than their sections this many times.
_ALIASES = 16
_CONSTANTS = frozenset({MOV | ALU, MOV | ALU64, LDIMM64})  # a register is set to a constant of 32 or 64 bits


def read_ext(elf: Elf, btf: Btf | None) -> BtfExt | None:
    """What ``.BTF.ext`` says of the object, None if it has none; :class:`BtfError` if it is malformed."""
    section = elf.section(".BTF.ext")
    return BtfExt.parse(section.data, btf) if section and btf else None


@dataclass(frozen=True)
class Function:
    """A function of *size* bytes at byte *start* of *section*."""

    name: str
    section: Section
    start: int
    size: int

    @property
    def is_program(self) -> bool:
        """Whether libbpf takes it for a program: all functions outside ``.text`` are."""
        return self.section.name != ".text"


@dataclass(frozen=True)
class FunctionCall:
    """At byte *offset* of the caller's section *callee* is called, or its address taken for a callback."""

    offset: int
    callee: Function
    is_callback: bool


class Code:
    """The executable sections of an object. Only what libbpf's own reading would find."""

    def __init__(self, elf: Elf, btf: Btf | None, ext: BtfExt | None) -> None:
        self._elf = elf
        self._btf = btf
        self._ext = ext
        self.functions = tuple(self._find_functions())
        self._instructions: dict[tuple[int, int], tuple[Instruction, ...]] = {}
        self._calls: dict[tuple[int, int], tuple[FunctionCall, ...]] = {}

    def _executable(self) -> dict[int, Section]:
        """The sections of instructions by their index."""
        return {
            each.index: each
            for each in self._elf.sections
            if each.type == "PROGBITS" and each.flags & _SHF_EXECINSTR
        }

    def untyped(self) -> tuple[str, ...]:
        """What could be functions, but for the type of their symbols, by which libbpf finds them.

        Compilers before LLVM 8 gave them none, and assembly does not without ``.type``.
        """
        known = {each.section.index for each in self.functions}
        sections = self._executable().keys() - known
        return tuple(
            each.name
            for each in self._elf.symbols
            if each.section_index in sections and each.type == "NOTYPE" and each.bind == "GLOBAL"
        )

    def _find_functions(self) -> Iterator[Function]:
        executable = self._executable()
        room = _ALIASES * sum(each.size for each in executable.values())
        for symbol in self._elf.symbols:
            section = executable.get(symbol.section_index)
            if symbol.type != "FUNC" or section is None:
                continue
            room -= symbol.size
            if room < 0:
                raise ObjectError("functions that overlap", hint="build it again")
            end = symbol.value + symbol.size
            if not symbol.size:
                hint = f"in assembly, .size {symbol.name}, . - {symbol.name}"
                raise ObjectError(f"function {symbol.name} has no size", hint=hint)
            if end > section.size or symbol.value % SIZE or end % SIZE:
                raise ObjectError(
                    f"function {symbol.name}: bytes {symbol.value} to {end} of section {section.name},"
                    f" which has {section.size}",
                    hint="build it again",
                )
            yield Function(symbol.name, section, symbol.value, symbol.size)

    @cached_property
    def _text(self) -> dict[int, Function]:
        """Subprograms by their first byte in ``.text``."""
        return {each.start: each for each in self.functions if not each.is_program}

    @cached_property
    def _relocations(self) -> dict[int, dict[int, Relocation]]:
        """By index of the section, relocations by their place in it."""
        sections = {each.section.index: each.section for each in self.functions}
        return {
            index: {relocation.offset: relocation for relocation in self._elf.relocations(section)}
            for index, section in sections.items()
        }

    def relocation_at(self, function: Function, offset: int) -> Relocation | None:
        """The ELF file's relocation of the instruction at byte *offset* of the section of *function*."""
        return self._relocations[function.section.index].get(offset)

    def instructions(self, function: Function) -> tuple[Instruction, ...]:
        """The instructions of *function*, in its order."""
        key = function.section.index, function.start
        if key not in self._instructions:
            code = function.section.data[function.start : function.start + function.size]
            self._instructions[key] = decode(code, little_endian=self._elf.little_endian)
        return self._instructions[key]

    def _helpers(self, function: Function) -> Iterator[int]:
        """Numbers of the helpers that *function* calls."""
        for each in self.instructions(function):
            if each.code == CALL and each.src == HELPER:
                yield each.immediate

    def calls(self, function: Function) -> tuple[FunctionCall, ...]:
        """Subprograms that *function* calls or takes the address of, as libbpf resolves them."""
        key = function.section.index, function.start
        if key not in self._calls:
            self._calls[key] = tuple(self._find_calls(function))
        return self._calls[key]

    def _find_calls(self, function: Function) -> Iterator[FunctionCall]:
        for index, each in enumerate(self.instructions(function)):
            is_call = each.code == CALL and each.src == SUBPROGRAM
            if not is_call and each.code != LDIMM64:
                continue
            at = function.start + index * SIZE
            relocation = self.relocation_at(function, at)
            if relocation and not self._is_text(relocation):
                continue  # a kfunc, a map, a variable
            base = relocation.symbol.value if relocation else at
            if is_call:
                target = base + (each.immediate + 1) * SIZE
            elif relocation:
                target = base + each.immediate  # a callback's address
            else:
                continue
            if called := self._text.get(target):
                yield FunctionCall(at, called, is_callback=not is_call)

    def _is_text(self, relocation: Relocation) -> bool:
        index = relocation.symbol.section_index
        return index < len(self._elf.sections) and self._elf.sections[index].name == ".text"

    def subprograms(self, program: Function) -> tuple[Function, ...]:
        """Every subprogram that *program* reaches, each once, in the order libbpf appends them.

        That is the order of first calls, those within a subprogram before those that come after its call.
        """
        found: dict[int, Function] = {}
        waiting = [iter(self.calls(program))]
        while waiting:
            call = next(waiting[-1], None)
            if call is None:
                waiting.pop()
            elif call.callee.start not in found:
                found[call.callee.start] = call.callee
                waiting.append(iter(self.calls(call.callee)))
        return tuple(found.values())

    @cached_property
    def _lines(self) -> dict[str, tuple[list[int], list[LineInfo]]]:
        """By section, the places where lines begin, and those lines, both by rising place."""
        lines: dict[str, list[LineInfo]] = {}
        for each in self._ext.lines if self._ext else ():
            lines.setdefault(each.section, []).append(each)
        ordered = {name: sorted(found, key=lambda line: line.offset) for name, found in lines.items()}
        return {name: ([line.offset for line in found], found) for name, found in ordered.items()}

    def line(self, section: str, offset: int) -> LineInfo | None:
        """The line that the instruction at byte *offset* of *section* comes from."""
        starts, lines = self._lines.get(section, ([], []))
        before = bisect_right(starts, offset)
        return lines[before - 1] if before else None

    def relocated_line(self, function: Function, offset: int) -> LineInfo | None:
        """The line of a relocated instruction.

        Clang gives none to the constants that it relocates: nearest is that of the instruction after, which
        uses the constant, and which may have been moved there from a neighbouring line.
        """
        starts, lines = self._lines.get(function.section.name, ([], []))
        at = bisect_right(starts, offset)
        is_constant = function.section.data[offset] in _CONSTANTS and starts[at - 1 : at] != [offset]
        if is_constant and at < len(lines) and starts[at] < function.start + function.size:
            return lines[at]
        return self.line(function.section.name, offset)

    def program_functions(self) -> tuple[Function, ...]:
        """The programs, in the order of sections and, within one, of their places, as libbpf has them."""
        programs = [each for each in self.functions if each.is_program]
        programs.sort(key=lambda each: (each.section.index, each.start))
        return tuple(programs)

    def programs(self) -> tuple[ProgramFacts, ...]:
        """What there is to say of each of :meth:`program_functions`."""
        return tuple(map(self._program, self.program_functions()))

    def _program(self, program: Function) -> ProgramFacts:
        section = program.section.name
        hook = parse(section)
        subprograms = self.subprograms(program)
        return ProgramFacts(
            name=program.name,
            section=section.removeprefix("?"),
            hook=hook,
            prog_type=int(hook.kind.prog_type) if hook else None,
            attach_type=int(hook.kind.attach_type) if hook and hook.kind.attach_type is not None else None,
            autoload=not section.startswith("?"),
            instructions=program.size // SIZE,
            total_instructions=sum(each.size for each in (program, *subprograms)) // SIZE,
            size=program.size,
            source=_place(self.line(section, program.start)),
            subprograms=tuple(each.name for each in subprograms),
            helpers=tuple(
                sorted({number for each in (program, *subprograms) for number in self._helpers(each)})
            ),
        )

    def relocations(self) -> tuple[CoreRelocation, ...]:
        """The CO-RE relocations with names for numbers."""
        if self._btf is None or self._ext is None:
            return ()
        return tuple(self._relocation(self._btf, each) for each in self._ext.relocations)

    def _relocation(self, btf: Btf, relo: CoreRelo) -> CoreRelocation:
        for each in self.functions:
            if each.section.name == relo.section and each.start <= relo.offset < each.start + each.size:
                return CoreRelocation(
                    program=each.name,
                    instruction=(relo.offset - each.start) // SIZE,
                    kind=relo.kind,
                    type_name=btf.name(relo.type_id),
                    access=access(btf, relo),
                    source=_place(self.relocated_line(each, relo.offset)),
                )
        raise ObjectError(
            f"CO-RE relocation at byte {relo.offset} of section {relo.section}, where no function is",
            hint="build it again",
        )


def _place(line: LineInfo | None) -> str | None:
    return f"{line.file}:{line.line}" if line else None
