"""Instructions that no kernel has: codes, operations and registers that do not exist, fields that must be 0.

Source: RFC 9669, ``bpf_opcode_in_insntable`` of kernel/bpf/core.c, and what kernel/bpf/verifier.c calls
reserved. Held against kernels by ``tests/vm/test_requirements_kernels.py``.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final, NamedTuple

from pytest_ebpf.objects.instructions import (
    ABS,
    ALU,
    ALU64,
    ATOMIC,
    ATOMICS,
    CALL,
    DIV,
    END,
    EXIT,
    IND,
    JA,
    JA32,
    JAX,
    JMP,
    JMP32,
    KFUNC,
    LDIMM64,
    LDX,
    LOAD_ACQUIRE,
    MAY_GOTO,
    MEM,
    MEMSX,
    MOD,
    MOV,
    NEG,
    ST,
    STORE_RELEASE,
    STX,
    Instruction,
)

#: A call of the function whose address is in a register: compilers make it, no kernel has it.
CALL_REGISTER: Final = 0x8D

_LAST_REGISTER: Final = 10
#: Where arguments beyond the fifth are stored and loaded; no other instruction may name it (Linux 7.1).
_ARGUMENTS: Final = 11
_W, _H, _B, _DW = 0x00, 0x08, 0x10, 0x18
_FROM_REGISTER: Final = 0x08
_ARITHMETIC: Final = range(0x00, 0xD0, 0x10)
_CONDITIONS: Final = (*range(0x10, 0x80, 0x10), *range(0xA0, 0xE0, 0x10))

_ANY: Final = range(-(1 << 31), 1 << 31)
_NONE: Final = (0,)
_CASTS: Final = (1, 1 << 16)  # from address space 0 to 1, and back


class _Fields(NamedTuple):
    """What the fields of an instruction may hold."""

    dst: Container[int] = range(_LAST_REGISTER + 1)
    src: Container[int] = range(_LAST_REGISTER + 1)
    offset: Container[int] = _ANY
    immediate: Container[int] = _ANY


_TO_REGISTER: Final = _Fields(offset=_NONE, immediate=_NONE)
_TO_NUMBER: Final = _Fields(src=_NONE, offset=_NONE)


def _codes() -> dict[int, _Fields]:
    """Every code that some kernel has; of codes with several forms, the fields of all of them."""
    found = {
        LDIMM64: _Fields(src=range(7), offset=_NONE),
        **{ABS | size: _Fields(dst=_NONE, src=_NONE, offset=_NONE) for size in (_W, _H, _B)},
        **{IND | size: _Fields(dst=_NONE, offset=_NONE) for size in (_W, _H, _B)},
        **{LDX | MEMSX | size: _Fields(src=range(_ARGUMENTS + 1), immediate=_NONE) for size in (_W, _H, _B)},
        JA: _Fields(dst=_NONE, src=_NONE, immediate=_NONE),
        JA32: _Fields(dst=_NONE, src=_NONE, offset=_NONE),
        JAX: _Fields(src=_NONE, offset=_NONE, immediate=_NONE),
        MAY_GOTO: _Fields(dst=_NONE, src=_NONE, immediate=_NONE),
        CALL: _Fields(dst=_NONE, src=range(KFUNC + 1)),
        EXIT: _Fields(_NONE, _NONE, _NONE, _NONE),
    }
    bases = range(_ARGUMENTS + 1)
    for size in (_W, _H, _B, _DW):
        found[LDX | MEM | size] = _Fields(src=bases, immediate=_NONE)
        found[ST | MEM | size] = _Fields(dst=bases, src=_NONE)
        found[STX | MEM | size] = _Fields(dst=bases, immediate=_NONE)
        found[STX | ATOMIC | size] = _Fields()  # the operation is in the immediate value
    for condition in _CONDITIONS:
        for of_class in (JMP, JMP32):
            found[of_class | condition] = _Fields(src=_NONE)
            found[of_class | condition | _FROM_REGISTER] = _Fields(immediate=_NONE)
    for of_class in (ALU, ALU64):
        for operation in _ARITHMETIC:
            found[of_class | operation] = _TO_NUMBER
            found[of_class | operation | _FROM_REGISTER] = _TO_REGISTER
        for operation in (DIV, MOD):  # signed ones have an offset
            found[of_class | operation] = _TO_NUMBER._replace(offset=(0, 1))
            found[of_class | operation | _FROM_REGISTER] = _TO_REGISTER._replace(offset=(0, 1))
        found[of_class | NEG] = _TO_NUMBER._replace(immediate=_NONE)
        del found[of_class | NEG | _FROM_REGISTER]
        found[of_class | END] = _TO_NUMBER._replace(immediate=(16, 32, 64))
    found[ALU | END | _FROM_REGISTER] = found[ALU | END]
    found[ALU | MOV | _FROM_REGISTER] = _TO_REGISTER._replace(offset=(0, 8, 16))
    found[ALU64 | MOV | _FROM_REGISTER] = _TO_REGISTER._replace(offset=(0, 8, 16, 32))
    return found


_CODES: Final = _codes()


class Flaw(NamedTuple):
    """What is wrong with an instruction. *anywhere*: it is refused where control never comes, too."""

    what: str
    anywhere: bool = False


def flaw_of(instruction: Instruction) -> Flaw | None:
    """Why no kernel takes *instruction*, which is not the second half of an ldimm64; None where one does."""
    fields = _CODES.get(instruction.code)
    if fields is None:
        if instruction.code == CALL_REGISTER:
            return Flaw("no kernel has calls through a pointer", anywhere=True)
        return Flaw(f"no kernel has an instruction 0x{instruction.code:02x}", anywhere=True)
    if instruction.code & 7 == STX and instruction.code & 0xE0 == ATOMIC:
        if what := _flaw_of_atomic(instruction):
            return Flaw(what)
    elif instruction.code == ALU64 | MOV | _FROM_REGISTER and instruction.offset == 1:
        fields = fields._replace(offset=(1,), immediate=_CASTS)  # a change of address space
    for name, value, allowed in zip(_Fields._fields, instruction[1:], fields, strict=True):
        if value not in allowed:
            # Of loads, all kernels look at it before they follow control.
            anywhere = name == "immediate" and instruction.code & 7 == LDX
            return Flaw(_unfit(instruction.code, name, value), anywhere)
    return None


def _flaw_of_atomic(instruction: Instruction) -> str | None:
    operation, size = instruction.immediate, instruction.code & 0x18
    if operation not in ATOMICS:
        return f"no kernel has an atomic operation 0x{operation & 0xFFFFFFFF:02x}"
    if operation in {LOAD_ACQUIRE, STORE_RELEASE} or size in {_W, _DW}:
        return None
    return f"no kernel has an atomic operation on {1 if size == _B else 2} byte{'' if size == _B else 's'}"


def _unfit(code: int, name: str, value: int) -> str:
    if name in {"dst", "src"} and value > _LAST_REGISTER:
        return f"no kernel has a register r{value}"
    what = {"dst": "destination", "src": "source", "offset": "offset", "immediate": "immediate value"}[name]
    return f"no kernel has an instruction 0x{code:02x} with {what} {value}"
