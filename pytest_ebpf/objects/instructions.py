"""Instructions as numbers, and which of them not every kernel knows.

Source: RFC 9669, Documentation/bpf/standardization/instruction-set.rst and ``include/uapi/linux/bpf.h``.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

#: Bytes of an instruction; ``ldimm64`` takes two.
SIZE: Final = 8

LDIMM64: Final = 0x18
CALL: Final = 0x85
EXIT: Final = 0x95
JA: Final = 0x05
JA32: Final = 0x06  # gotol: the distance is in the immediate value
JAX: Final = 0x0D  # gotox: the target is in a register
MAY_GOTO: Final = 0xE5

# Classes: the low three bits of a code.
LD, LDX, ST, STX, ALU, JMP, JMP32, ALU64 = range(8)

# Source registers of a call ...
HELPER: Final = 0
SUBPROGRAM: Final = 1
KFUNC: Final = 2
# ... and of an ldimm64 that loads an address.
FUNCTION_ADDRESS: Final = 4

MOV: Final = 0xB0
END: Final = 0xD0
DIV: Final = 0x30
MOD: Final = 0x90
NEG: Final = 0x80

# Modes of loads and stores: the high three bits.
IMM, ABS, IND, MEM, MEMSX = 0x00, 0x20, 0x40, 0x60, 0x80
ATOMIC: Final = 0xC0

LOAD_ACQUIRE: Final = 0x100
STORE_RELEASE: Final = 0x110


class Instruction(NamedTuple):
    """The fields of one instruction; the second half of an ``ldimm64`` has code 0."""

    code: int
    dst: int
    src: int
    offset: int
    immediate: int


#: What an instruction may need that not every kernel knows.
FEATURES: Final = (
    "alu32",
    "packet_access",  # LD_ABS and LD_IND
    "jump_less",  # -mcpu=v2
    "jump32",  # -mcpu=v3
    "atomic_add",
    "atomic_fetch_add",
    "atomic_and",
    "atomic_or",
    "atomic_xor",
    "atomic_fetch_and",
    "atomic_fetch_or",
    "atomic_fetch_xor",
    "xchg",
    "cmpxchg",
    "function_address",
    "kfunc_call",
    "sign_extended_load",  # -mcpu=v4
    "sign_extended_move",
    "byte_swap",
    "signed_divide",
    "signed_modulo",
    "goto_long",
    "may_goto",
    "address_space_cast",
    "load_acquire",
    "store_release",
    "goto_indirect",
)

#: Operations by the immediate value of an atomic instruction.
ATOMICS: Final = {
    0x00: "atomic_add",
    0x01: "atomic_fetch_add",
    0x40: "atomic_or",
    0x41: "atomic_fetch_or",
    0x50: "atomic_and",
    0x51: "atomic_fetch_and",
    0xA0: "atomic_xor",
    0xA1: "atomic_fetch_xor",
    0xE1: "xchg",
    0xF1: "cmpxchg",
    LOAD_ACQUIRE: "load_acquire",
    STORE_RELEASE: "store_release",
}
_JUMPS_OF_V2: Final = frozenset({0xA0, 0xB0, 0xC0, 0xD0})  # JLT, JLE, JSLT, JSLE

#: What kernels that do not know it accept where control never comes: their tables of codes have the code,
#: only a field of it (an offset, an operation) is new, which is looked at on the way through.
_SEEN_ON_THE_WAY: Final = frozenset(
    {"sign_extended_move", "signed_divide", "signed_modulo", "address_space_cast"}
)


def decode(data: bytes, *, little_endian: bool) -> tuple[Instruction, ...]:
    """The instructions of *data*, whose length is a multiple of :data:`SIZE`."""
    if little_endian:
        return tuple(
            Instruction(code, registers & 15, registers >> 4, offset, immediate)
            for code, registers, offset, immediate in struct.iter_unpack("<BBhi", data)
        )
    return tuple(
        Instruction(code, registers >> 4, registers & 15, offset, immediate)
        for code, registers, offset, immediate in struct.iter_unpack(">BBhi", data)
    )


def features(instruction: Instruction) -> tuple[str, ...]:
    """The words of :data:`FEATURES` that *instruction* needs, none for what every kernel knows."""
    name = _feature(instruction)
    if name in {"load_acquire", "store_release"}:
        # An atomic of a new kind: kernels that know no kinds at all refuse it wherever it stands.
        return (name, "atomic_fetch_add")
    return (name,) if name else ()


def _feature(instruction: Instruction) -> str | None:
    code = instruction.code
    match code & 7:
        case 0:
            return _load(instruction)
        case 1:
            return "sign_extended_load" if code & 0xE0 == MEMSX else None
        case 3:
            return ATOMICS.get(instruction.immediate) if code & 0xE0 == ATOMIC else None
        case 4 | 7:
            return _arithmetic(instruction)
        case 5 | 6:
            return _jump(instruction)
        case _:
            return None


def _load(instruction: Instruction) -> str | None:
    if instruction.code == LDIMM64:
        return "function_address" if instruction.src == FUNCTION_ADDRESS else None
    return "packet_access" if instruction.code & 0xE0 in {ABS, IND} else None


def _arithmetic(instruction: Instruction) -> str | None:
    operation, wide = instruction.code & 0xF0, instruction.code & 7 == ALU64
    if operation == END:
        return "byte_swap" if wide else None
    if operation == MOV and instruction.offset:
        return "address_space_cast" if wide and instruction.offset == 1 else "sign_extended_move"
    if operation in {DIV, MOD} and instruction.offset == 1:
        return "signed_divide" if operation == DIV else "signed_modulo"
    return None if wide else "alu32"


def _jump(instruction: Instruction) -> str | None:
    match instruction.code:
        case 0x06:
            return "goto_long"
        case 0x0D:
            return "goto_indirect"
        case 0xE5:
            return "may_goto"
        case 0x85:
            return "kfunc_call" if instruction.src == KFUNC else None
    if instruction.code & 7 == JMP32:
        return "jump32"
    return "jump_less" if instruction.code & 0xF0 in _JUMPS_OF_V2 else None


def is_always_checked(name: str, instruction: Instruction) -> bool:
    """Whether a kernel that does not know this feature refuses it in code that is never reached, too.

    It does so for codes that are not in its table (``bpf_opcode_in_insntable``), for the atomics that came
    with 5.12 ("BPF_STX uses reserved fields" before) and for addresses of functions. Acquiring and
    releasing words came to a table that had their code; bytes and half-words did not.
    """
    if name in {"load_acquire", "store_release"}:
        return instruction.code & 0x18 in {0x08, 0x10}
    # libbpf replaces calls of functions that a kernel does not have.
    return name not in _SEEN_ON_THE_WAY and name != "kfunc_call"
