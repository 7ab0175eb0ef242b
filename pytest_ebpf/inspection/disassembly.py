"""Instructions as text: llvm-objdump's, with the lines, types and names that it does not know beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pytest_ebpf import process
from pytest_ebpf.btf import Func
from pytest_ebpf.errors import ToolError
from pytest_ebpf.inspection.opened import Inspection
from pytest_ebpf.inspection.references import Reference, References, Target
from pytest_ebpf.objects.code import Function
from pytest_ebpf.objects.instructions import CALL, HELPER, SIZE, Instruction
from pytest_ebpf.requirements.helpers import helper_name

#: Seconds for an object of the largest size that is read.
_TIMEOUT: Final = 120.0

# Lines of llvm-objdump.
_SECTION: Final = re.compile(r"Disassembly of section (.*):")
_LABEL: Final = re.compile(r"([0-9a-f]{16}) <.*>:")
_INSTRUCTION: Final = re.compile(r"\s*([0-9]+):\s")
_RELOCATION: Final = re.compile(r"\s+[0-9a-f]{16}:\s")

#: A reference as it is explained; the others say it all by their name.
_KINDS: Final = {Target.MAP: "map of type", Target.DATA: "of type"}


def find_objdump() -> Path:
    """The newest ``llvm-objdump``; :class:`ToolError` if there is none.

    From LLVM 18 on it tells CO-RE relocations with their types.
    """
    names = [f"llvm-objdump-{version}" for version in range(22, 17, -1)]
    return process.find([*names, "llvm-objdump"], hint="apt-get install llvm-19")


def disassemble(inspection: Inspection, program: str | None = None) -> str:
    """The functions of *program*, itself first, or of the whole object in the order of its sections.

    Above the first instruction of a source line stands the line, behind calls of helpers their names, behind
    relocations the types of what they name.
    :class:`ToolError` if llvm-objdump is missing or does not take the object.
    """
    functions = inspection.functions(program)
    if not functions:
        return "There is no function in it."
    only = f"--disassemble-symbols={','.join(each.name for each in functions)}"
    what = "-d" if program is None else only
    argv = [str(find_objdump()), what, "-r", "--no-show-raw-insn", "--mcpu=v4"]
    done = process.run([*argv, str(inspection.path.absolute())], timeout=_TIMEOUT)
    if done.status != 0:
        said = (done.stderr.strip().splitlines() or [f"status {done.status}"])[-1]
        raise ToolError(f"llvm-objdump: {said}", where=str(inspection.path), hint="is it a whole object?")
    return "\n".join(_Annotated(inspection, functions).lines(done.stdout.splitlines()))


class _Annotated:
    """Walks through the lines of llvm-objdump and puts in what it does not say."""

    def __init__(self, inspection: Inspection, functions: Sequence[Function]) -> None:
        self._inspection = inspection
        self._begun = False
        linker = inspection.linker
        references = References(inspection)
        self._starts = {(each.section.name, each.start): each for each in functions}
        self._instructions: dict[tuple[str, int], Instruction] = {}
        self._references: dict[tuple[str, int], Reference] = {}
        for function in functions:
            section = function.section.name
            for index, instruction in enumerate(linker.body(function).instructions):
                self._instructions[section, function.start + index * SIZE] = instruction
            for reference in references.of(function):
                self._references[section, reference.offset] = reference

    def lines(self, given: Sequence[str]) -> Iterator[str]:
        """The text, without what llvm-objdump says of the file and of other functions of the same name."""
        section, place, wanted = "", 0, False
        shown: tuple[str, int] | None = None
        for line in given:
            if found := _SECTION.fullmatch(line):
                section, wanted = found[1], False
            elif found := _LABEL.fullmatch(line):
                function = self._starts.get((section, int(found[1], 16)))
                wanted, shown = function is not None, None
                if function:
                    yield from self._heading(function)
            elif not wanted or not line.strip():
                continue
            elif _RELOCATION.match(line):
                yield line.expandtabs() + self._type(line, section, place)
            elif found := _INSTRUCTION.match(line):
                place = int(found[1]) * SIZE
                source = self._inspection.linker.code.line(section, place)
                if source and (source.file, source.line) != shown:
                    shown = source.file, source.line
                    text = source.text.strip()
                    yield f"  ; {source.file}:{source.line}" + (f": {text}" if text else "")
                yield line.expandtabs() + self._helper(section, place)

    def _heading(self, function: Function) -> Iterator[str]:
        """The section, and the function as C declares it; a blank line before all but the first."""
        if self._begun:
            yield ""
        self._begun = True
        btf = self._inspection.facts.btf
        found = btf.find(function.name, Func) if btf else None
        spelled = btf.name(found) if btf and found else function.name
        yield f"{spelled} in {function.section.name}"

    def _helper(self, section: str, place: int) -> str:
        instruction = self._instructions.get((section, place))
        if instruction is None or instruction.code != CALL or instruction.src != HELPER:
            return ""
        return f"  # {helper_name(instruction.immediate)}"

    def _type(self, line: str, section: str, place: int) -> str:
        reference = self._references.get((section, place))
        if reference is None or " R_BPF" not in line.expandtabs():
            return ""
        if reference.type_name is None:
            return f"  # {reference.target}"
        return f"  # {_KINDS[reference.target]} {reference.type_name}"
