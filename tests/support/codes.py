"""Programs put together instruction by instruction, and kernels that answer as they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_ebpf.btf.ext import CoreRelo
from pytest_ebpf.objects.instructions import Instruction
from pytest_ebpf.requirements import FunctionFacts, Kconfig, Ksym, ProgramRequirements
from pytest_ebpf.requirements.model import Address, Call, ProgramCode

# Codes by the names of linux/filter.h, with an immediate value or a register (X).
ALU64, ALU32, JMP, JMP32, X = 0x07, 0x04, 0x05, 0x06, 0x08
ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, MOD, XOR, MOV, ARSH = range(0x00, 0xD0, 0x10)
JEQ, JGT, JGE, JSET, JNE, JSGT, JSGE = range(0x10, 0x80, 0x10)
JLT, JLE, JSLT, JSLE = range(0xA0, 0xE0, 0x10)
W, H, B, DW = 0x00, 0x08, 0x10, 0x18


def alu(operation: int, dst: int, immediate: int, *, wide: bool = True) -> Instruction:
    return Instruction(operation | (ALU64 if wide else ALU32), dst, 0, 0, immediate)


def alu_x(operation: int, dst: int, src: int, *, wide: bool = True) -> Instruction:
    return Instruction(operation | X | (ALU64 if wide else ALU32), dst, src, 0, 0)


def jump(operation: int, dst: int, immediate: int, to: int, *, wide: bool = True) -> Instruction:
    return Instruction(operation | (JMP if wide else JMP32), dst, 0, to, immediate)


def jump_x(operation: int, dst: int, src: int, to: int, *, wide: bool = True) -> Instruction:
    return Instruction(operation | X | (JMP if wide else JMP32), dst, src, to, 0)


def goto(to: int) -> Instruction:
    return Instruction(JMP, 0, 0, to, 0)


def load(size: int, dst: int, src: int, offset: int) -> Instruction:
    return Instruction(0x61 | size, dst, src, offset, 0)


def store(size: int, dst: int, offset: int, src: int) -> Instruction:
    return Instruction(0x63 | size, dst, src, offset, 0)


def helper(number: int) -> Instruction:
    return Instruction(0x85, 0, 0, 0, number)


def subprogram() -> Instruction:
    return Instruction(0x85, 0, 1, 0, -1)


def load_64(dst: int, number: int = 0) -> list[Instruction]:
    return [Instruction(0x18, dst, 0, 0, number & 0xFFFFFFFF), Instruction(0, 0, 0, 0, number >> 32)]


EXIT = Instruction(0x95, 0, 0, 0, 0)


def program(
    *functions: Sequence[Instruction],
    addresses: Mapping[int, Address | None] | None = None,
    relocations: Mapping[int, str] | None = None,
    calls: Mapping[int, int] | None = None,
    rodata: bytes = b"",
    global_functions: bool = False,
    callbacks: bool = False,
) -> ProgramRequirements:
    """Functions in a row. *relocations* are kinds by instruction; *calls* functions by instruction."""
    facts: list[FunctionFacts] = []
    firsts = [sum(map(len, functions[:number])) for number in range(len(functions))]
    for number, each in enumerate(functions):
        own = range(firsts[number], firsts[number] + len(each))
        made = tuple(
            Call(at, f"f{callee}", firsts[callee], callbacks)
            for at, callee in (calls or {}).items()
            if at in own
        )
        facts.append(FunctionFacts(f"f{number}", own.start, len(each), 0, global_functions, made, (), None))
    code = ProgramCode(
        instructions=tuple(each for body in functions for each in body),
        functions=tuple(facts),
        addresses=addresses or {},
        relocations={at: CoreRelo("xdp", at * 8, 1, "0", kind) for at, kind in (relocations or {}).items()},
        rodata={".rodata": rodata},
        little_endian=True,
    )
    return ProgramRequirements("f0", "xdp", True, 6, 37, (), code.functions, None, code)


@dataclass
class Answers:
    """A kernel by its answers; what is left out cannot be told."""

    relocations: Mapping[str, int] = field(default_factory=dict)
    symbols: Mapping[str, bool] = field(default_factory=dict)
    version: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def relocation(self, relocation: CoreRelo) -> int | None:
        return self.relocations.get(relocation.kind)

    def has_ksym(self, symbol: Ksym) -> bool | None:
        return self.symbols.get(symbol.name)

    def kernel_version(self) -> int | None:
        return self.version

    def kconfig(self, option: Kconfig) -> str | None:
        return self.options.get(option.name)
