"""Read what an object asks of a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pytest_ebpf.btf import Btf
from pytest_ebpf.elf import Elf
from pytest_ebpf.objects import MapFacts, ObjectFacts, ProgramFacts, located
from pytest_ebpf.objects.code import Function, read_ext
from pytest_ebpf.objects.instructions import SIZE
from pytest_ebpf.objects.maps import flag_names
from pytest_ebpf.requirements import structops
from pytest_ebpf.requirements.licences import FREE_FOR, GPL_ONLY_TYPES, is_gpl_compatible
from pytest_ebpf.requirements.linked import Body, Linker
from pytest_ebpf.requirements.mapuse import map_uses
from pytest_ebpf.requirements.model import (
    Kconfig,
    Kind,
    Ksym,
    ProgramRequirements,
    Requirement,
    Requirements,
)
from pytest_ebpf.requirements.refusals import refusals
from pytest_ebpf.requirements.scan import Scanner
from pytest_ebpf.requirements.stack import deepest
from pytest_ebpf.requirements.targets import attach_type_of, flags_of, target_of
from pytest_ebpf.uapi import ProgType

#: Kinds of BTF that libbpf rewrites for kernels that do not know them (``bpf_object__sanitize_btf``).
_BTF_KINDS: Final = {
    12: "func",
    14: "var",
    15: "datasec",
    16: "float",
    17: "decl_tag",
    18: "type_tag",
    19: "enum64",
}


def requirements_of(data: bytes, facts: ObjectFacts) -> Requirements:
    """Read what the object *data* asks of a kernel; :class:`ObjectError`, located at its path, if damaged.

    *facts* are those of the same bytes (:func:`~pytest_ebpf.objects.parse_object`).
    """
    with located(facts.path):
        return _Reader(data, facts).requirements()


class _Reader:
    def __init__(self, data: bytes, facts: ObjectFacts) -> None:
        self._facts = facts
        self._elf = Elf.read(data)
        self._ext = read_ext(self._elf, facts.btf)
        self._linker = Linker(self._elf, facts.btf, self._ext)
        self._scanner = Scanner(self._linker, facts.btf)
        self._members = structops.members(self._elf, facts.btf)

    def requirements(self) -> Requirements:
        functions = self._linker.code.program_functions()
        programs = tuple(
            self._program(function, program)
            for function, program in zip(functions, self._facts.programs, strict=True)
        )
        licence = self._facts.license
        return Requirements(
            licence=licence,
            gpl_compatible=is_gpl_compatible(licence),
            common=tuple(self._common()),
            programs=programs,
            relocations=self._ext.relocations if self._ext else (),
            refusals=tuple(refusals(self._elf, self._facts, self._linker)),
        )

    def _common(self) -> Iterator[Requirement]:
        """What fails the whole object: libbpf makes its maps and fills its externs before any program."""
        for each in self._facts.maps:
            yield from map_needs(each)
        yield from structops.struct_types(self._elf, self._facts.btf)
        for name, symbol in self._linker.externs.items():
            if not symbol.weak or (isinstance(symbol, Ksym) and symbol.type_id and not symbol.is_function):
                yield self._extern(name)  # that of a weak variable must fit where it is there
        if self._facts.btf:
            yield from _btf_kinds(self._facts.btf)

    def _extern(self, name: str) -> Requirement:
        """A symbol that libbpf insists on, with the line that first says it."""
        symbol = self._linker.externs[name]
        if isinstance(symbol, Kconfig):
            kind = Kind.KCONFIG
        else:
            kind = Kind.KFUNC if symbol.is_function else Kind.KSYM
        return Requirement(
            kind,
            symbol.name,
            symbol=symbol,
            source=self._linker.first_line(name),
            weak=symbol.weak,
            always=True,
        )

    def _program(self, function: Function, facts: ProgramFacts) -> ProgramRequirements:
        code, bodies = self._linker.link(function)
        needs = list(self._of_the_section(function, facts))
        for body, part in zip(bodies, code.functions, strict=True):
            for need in self._scanner.needs(body):
                if need.kind is Kind.LICENCE and FREE_FOR.get(need.number or 0, -1) == facts.prog_type:
                    continue
                needs.append(need.within(facts.name, part.first))
            needs += self._of_maps(body, facts, part.first)
        return ProgramRequirements(
            name=facts.name,
            section=facts.section,
            autoload=facts.autoload,
            prog_type=facts.prog_type,
            attach_type=facts.attach_type,
            requirements=tuple(needs),
            functions=code.functions,
            chain=deepest(code.functions),
            code=code,
        )

    def _of_maps(self, body: Body, facts: ProgramFacts, first: int) -> Iterator[Requirement]:
        """What the program's type asks of the maps that one of its functions names."""
        if facts.hook is None:
            return
        maps = {each.name: each for each in self._facts.maps}
        for index, need in map_uses(body, facts.hook, maps, self._facts.btf):
            yield replace(
                need,
                program=facts.name,
                function=body.function.name,
                instruction=first + index,
                offset=body.function.start + index * SIZE,
                source=self._linker.line(body.function, index, relocated=True),
            )

    def _of_the_section(self, function: Function, facts: ProgramFacts) -> Iterator[Requirement]:
        """What a program needs whatever its instructions are."""
        if facts.prog_type is None or facts.hook is None:
            return  # the loader says what it is
        line = self._linker.line(function, 0)
        name = ProgType(facts.prog_type).name.lower()
        found = [Requirement(Kind.PROGRAM_TYPE, name, facts.prog_type)]
        if facts.attach_type is not None:
            found.append(attach_type_of(facts.prog_type, facts.attach_type))
        found += flags_of(facts.hook)
        if target := target_of(facts.hook):
            found.append(target)
        if member := self._members.get((function.section.index, function.start)):
            found.append(Requirement(Kind.STRUCT_OPS, member))
        if name_of_callback := self._linker.callbacks.get(facts.name):
            fits = self._linker.caught(function) is not None
            subject = None if fits else "must be a global function of .text that is not hidden"
            found.append(Requirement(Kind.EXCEPTION_CALLBACK, name_of_callback, subject=subject))
        if facts.prog_type in GPL_ONLY_TYPES:
            found.append(Requirement(Kind.LICENCE, name))
        for each in found:
            yield replace(each, program=facts.name, source=line)


def map_needs(facts: MapFacts) -> Iterator[Requirement]:
    """The type and the flags of a map, and of those in it."""
    if facts.type:  # else the loader sets it
        yield Requirement(Kind.MAP_TYPE, facts.type_name, facts.type, subject=facts.name)
    for bit in range(32):
        flag = 1 << bit
        if facts.flags & flag:
            (name,) = flag_names(flag)
            yield Requirement(Kind.MAP_FLAG, name, flag, subject=facts.name)
    if facts.inner:
        yield from map_needs(facts.inner)


def _btf_kinds(btf: Btf) -> Iterator[Requirement]:
    used = {btf.kind(type_id) for type_id in range(1, len(btf))}
    for number in sorted(used.intersection(_BTF_KINDS)):
        yield Requirement(Kind.BTF_KIND, _BTF_KINDS[number], number, weak=True)
