"""What instructions compute and which jumps are taken, as the standard says.

Source: Documentation/bpf/standardization/instruction-set.rst; shifts are masked, division by 0 is 0.
"""

from __future__ import annotations

from codes import (
    ADD,
    AND,
    ARSH,
    DIV,
    JEQ,
    JGE,
    JGT,
    JLE,
    JLT,
    JNE,
    JSET,
    JSGE,
    JSGT,
    JSLE,
    JSLT,
    LSH,
    MOD,
    MOV,
    MUL,
    OR,
    RSH,
    SUB,
    XOR,
)


def as_signed(number: int, bits: int) -> int:
    return (number & (1 << bits) - 1 ^ 1 << bits - 1) - (1 << bits - 1)


def computed(operation: int, left: int, right: int, bits: int) -> int:
    """``left OP right`` of numbers with so many bits, without sign."""
    mask = (1 << bits) - 1
    left, right = left & mask, right & mask
    shift = right & bits - 1
    return (
        mask
        & {
            ADD: left + right,
            SUB: left - right,
            MUL: left * right,
            OR: left | right,
            AND: left & right,
            XOR: left ^ right,
            LSH: left << shift,
            RSH: left >> shift,
            ARSH: as_signed(left, bits) >> shift,
            MOV: right,
            DIV: left // right if right else 0,
            MOD: left % right if right else left,
        }[operation]
    )


def holds(operation: int, left: int, right: int, bits: int) -> bool:
    mask = (1 << bits) - 1
    left, right = left & mask, right & mask
    ours, theirs = as_signed(left, bits), as_signed(right, bits)
    return {
        JEQ: left == right,
        JNE: left != right,
        JGT: left > right,
        JGE: left >= right,
        JLT: left < right,
        JLE: left <= right,
        JSET: bool(left & right),
        JSGT: ours > theirs,
        JSGE: ours >= theirs,
        JSLT: ours < theirs,
        JSLE: ours <= theirs,
    }[operation]
