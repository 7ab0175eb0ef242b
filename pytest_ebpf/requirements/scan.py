"""What the instructions of a function ask of a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_ebpf.btf import Btf
from pytest_ebpf.btf.ext import CoreRelo, access
from pytest_ebpf.objects.encoding import flaw_of
from pytest_ebpf.objects.instructions import (
    CALL,
    HELPER,
    LDIMM64,
    LDX,
    SIZE,
    ST,
    STX,
    Instruction,
    features,
    is_always_checked,
)
from pytest_ebpf.requirements.blocks import block_starts, unreached
from pytest_ebpf.requirements.helpers import helper_name
from pytest_ebpf.requirements.licences import GPL_ONLY_HELPERS
from pytest_ebpf.requirements.linked import Body, Linker
from pytest_ebpf.requirements.model import Kconfig, Kind, Requirement

#: Relocations that ask whether something is there, or that give 0 where it is not.
_ASKING: Final = frozenset(
    {
        "field_exists",
        "type_exists",
        "type_matches",
        "type_size",
        "enumval_exists",
        "local_type_id",
        "target_type_id",
    }
)

#: ``check_cfg``: "unreachable insn".
_UNREACHED: Final = "no kernel takes code that no jump leads to"


class Scanner:
    """Reads each function once, however many programs call it."""

    def __init__(self, linker: Linker, btf: Btf | None) -> None:
        self._linker = linker
        self._btf = btf
        self._done: dict[tuple[int, int], tuple[Requirement, ...]] = {}

    def needs(self, body: Body) -> tuple[Requirement, ...]:
        """Requirements without a program, whose *instruction* counts from the start of the function."""
        key = body.function.section.index, body.function.start
        if key not in self._done:
            self._done[key] = tuple(self._scan(body))
        return self._done[key]

    def _scan(self, body: Body) -> Iterator[Requirement]:
        starts = block_starts(body.instructions)
        if (dead := unreached(body.instructions)) is not None:
            code = body.instructions[dead].code
            yield self._need(body, dead, Requirement(Kind.ENCODING, _UNREACHED, code, always=True))
        seen: set[str] = set()  # features that this block has shown already
        is_half = False
        for index, instruction in enumerate(body.instructions):
            is_half = not is_half and index > 0 and body.instructions[index - 1].code == LDIMM64
            if is_half:
                continue  # it is part of the instruction before it
            if index in starts:
                seen.clear()
            for need in _encoded(body, index, seen):
                yield self._need(body, index, need)
            if instruction.code == CALL:
                for need in _call(body, index, instruction):
                    yield self._need(body, index, need)
            elif instruction.code == LDIMM64 and index in body.symbols:
                yield self._need(body, index, _address(body, index))
            if relocation := body.relocations.get(index):
                yield self._need(body, index, self._relocation(relocation, instruction))

    def _need(self, body: Body, index: int, need: Requirement) -> Requirement:
        relocated = need.kind is Kind.RELOCATION
        return Requirement(
            kind=need.kind,
            name=need.name,
            number=need.number,
            function=body.function.name,
            instruction=index,
            offset=body.function.start + index * SIZE,
            source=self._linker.line(body.function, index, relocated=relocated),
            weak=need.weak,
            always=need.always,
            relocation=need.relocation,
            accesses=need.accesses,
            symbol=need.symbol,
        )

    def _relocation(self, relocation: CoreRelo, instruction: Instruction) -> Requirement:
        assert self._btf is not None  # there is no .BTF.ext without .BTF
        return Requirement(
            Kind.RELOCATION,
            access(self._btf, relocation),
            weak=relocation.kind in _ASKING,
            relocation=relocation,
            accesses=instruction.code & 7 in {LDX, ST, STX},
        )


def _encoded(body: Body, index: int, seen: set[str]) -> Iterator[Requirement]:
    """What it takes to know an instruction; features but once, which *seen* notes."""
    instruction = body.instructions[index]
    if flaw := flaw_of(instruction):
        yield Requirement(Kind.ENCODING, flaw.what, instruction.code, always=flaw.anywhere)
    names = ("function_address",) if index in body.callbacks else features(instruction)
    for name in names:
        if name not in seen:
            seen.add(name)
            yield Requirement(Kind.INSTRUCTION, name, always=is_always_checked(name, instruction))


def _call(body: Body, index: int, instruction: Instruction) -> Iterator[Requirement]:
    """A call of a helper or, by name, of a function of the kernel."""
    symbol = body.symbols.get(index)
    if symbol and not isinstance(symbol, Kconfig):
        # Where it is missing, even a weak one is an error when the call is reached.
        yield Requirement(Kind.INSTRUCTION, "kfunc_call")
        yield Requirement(Kind.KFUNC, symbol.name, symbol=symbol)
        yield Requirement(Kind.LICENCE, symbol.name)
    elif instruction.src == HELPER:
        number = instruction.immediate
        yield Requirement(Kind.HELPER, helper_name(number), number)
        if number in GPL_ONLY_HELPERS:
            yield Requirement(Kind.LICENCE, helper_name(number), number)


def _address(body: Body, index: int) -> Requirement:
    symbol = body.symbols[index]
    kind = Kind.KCONFIG if isinstance(symbol, Kconfig) else Kind.KSYM
    return Requirement(kind, symbol.name, weak=symbol.weak, symbol=symbol)
