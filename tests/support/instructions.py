"""A program of a few instructions for each feature of :mod:`pytest_ebpf.objects.instructions`.

Encoded by hand: compilers and assemblers know only some of them.
"""

from __future__ import annotations

import struct


def insn(code: int, dst: int = 0, src: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    """One instruction, ``struct bpf_insn``."""
    return struct.pack("<BBhi", code, dst | src << 4, offset, immediate)


ZERO = insn(0xB7)  # r0 = 0
EXIT = insn(0x95)
_STORE = insn(0x7A, 10, 0, -8, 5)  # *(u64 *)(r10 - 8) = 5
_ONE = insn(0xB7, 1, 0, 0, 1)  # r1 = 1


def _atomic(operation: int) -> bytes:
    return _STORE + ZERO + _ONE + insn(0xDB, 10, 1, -8, operation) + ZERO + EXIT


def _with_numbers(instruction: bytes) -> bytes:
    """With 1 in r1 and 3 in r2."""
    return _ONE + insn(0xB7, 2, 0, 0, 3) + instruction + ZERO + EXIT


#: What it takes to be refused for the feature alone, or for something that comes after it.
PROGRAMS = {
    "atomic_or": _atomic(0x40),
    "atomic_and": _atomic(0x50),
    "atomic_xor": _atomic(0xA0),
    "atomic_fetch_add": _atomic(0x01),
    "atomic_fetch_or": _atomic(0x41),
    "atomic_fetch_and": _atomic(0x51),
    "atomic_fetch_xor": _atomic(0xA1),
    "xchg": _atomic(0xE1),
    "cmpxchg": _atomic(0xF1),
    "function_address": insn(0x18, 1, 4, 0, 2) + insn(0) + ZERO + EXIT + ZERO + EXIT,
    "kfunc_call": insn(0x85, 0, 2, 0, 1) + EXIT,
    "sign_extended_load": _STORE + insn(0x91, 1, 10, -8) + ZERO + EXIT,
    "sign_extended_move": _with_numbers(insn(0xBF, 2, 1, 8)),
    "byte_swap": _with_numbers(insn(0xD7, 1, 0, 0, 32)),
    "signed_divide": _with_numbers(insn(0x3F, 2, 1, 1)),
    "signed_modulo": _with_numbers(insn(0x9F, 2, 1, 1)),
    # Over one instruction; 6.1 takes the code, and refuses the distance.
    "goto_long": ZERO + insn(0x15, 1, 0, 1) + insn(0x06, 0, 0, 0, 1) + ZERO + EXIT,
    "may_goto": insn(0xE5, 0, 0, 1) + ZERO + ZERO + EXIT,
    "address_space_cast": _with_numbers(insn(0xBF, 2, 1, 1, 1)),
    "load_acquire": _STORE + insn(0xBF, 2, 10) + insn(0xDB, 1, 2, -8, 0x100) + ZERO + EXIT,
    "store_release": _STORE + _ONE + insn(0xDB, 10, 1, -8, 0x110) + ZERO + EXIT,
    "goto_indirect": _ONE + insn(0x0D, 1) + ZERO + EXIT,
}

#: What the verifier says of these where it knows the feature, and misses something else.
KNOWN = {
    "function_address": "last insn is not an exit or jmp",
    "kfunc_call": "kernel btf_id 1 is not a function",
    "address_space_cast": "can only be used in a program that has an associated arena",
    "goto_indirect": "no jump tables found",
}
