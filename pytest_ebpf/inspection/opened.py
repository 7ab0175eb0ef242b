"""One object file, read as far as it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pytest_ebpf.elf import Elf
from pytest_ebpf.errors import UsageError
from pytest_ebpf.objects import ObjectFacts, ProgramFacts, parse_object, read_bytes
from pytest_ebpf.objects.code import Function, read_ext
from pytest_ebpf.requirements import Requirements, requirements_of
from pytest_ebpf.requirements.linked import Linker
from pytest_ebpf.suggest import suggestion


@dataclass(frozen=True)
class Inspection:
    """The object at *path*: its bytes and what they say."""

    path: Path
    data: bytes
    facts: ObjectFacts

    @classmethod
    def read(cls, path: Path) -> Inspection:
        """Read the file; :class:`~pytest_ebpf.errors.ObjectError`, located at *path*, if it is no object."""
        data = read_bytes(path)
        return cls(path, data, parse_object(data, path))

    @cached_property
    def elf(self) -> Elf:
        """The file's sections and symbols."""
        return Elf.read(self.data)

    @cached_property
    def linker(self) -> Linker:
        """The functions of the object, and what their instructions refer to."""
        return Linker(self.elf, self.facts.btf, read_ext(self.elf, self.facts.btf))

    @cached_property
    def requirements(self) -> Requirements:
        """What the object asks of a kernel."""
        return requirements_of(self.data, self.facts)

    def program(self, name: str) -> ProgramFacts:
        """The program called *name*; :class:`~pytest_ebpf.errors.UsageError` if there is none."""
        for each in self.facts.programs:
            if each.name == name:
                return each
        names = [each.name for each in self.facts.programs]
        raise UsageError(
            f'no such program (seen "{name}")',
            where=str(self.path),
            hint=suggestion(name, names) or "name one of them",
        )

    def functions(self, program: str | None) -> tuple[Function, ...]:
        """The functions of *program*, itself first, or all of the object in the order of its sections."""
        code = self.linker.code
        if program is None:
            return tuple(sorted(code.functions, key=lambda each: (each.section.index, each.start)))
        self.program(program)
        found = next(each for each in code.program_functions() if each.name == program)
        return (found, *code.subprograms(found))
