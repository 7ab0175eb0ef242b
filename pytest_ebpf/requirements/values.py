"""What folding knows of a register, and how instructions change it.

:func:`arithmetic` folds what the verifier of every kernel from 5.10 on folds as well. Division and the
swapping of bytes, which they began to follow late, are by themselves.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pytest_ebpf.requirements.model import DataAddress

WORD: Final = (1 << 64) - 1
HALF: Final = (1 << 32) - 1


class Opaque(Enum):
    """What folding does not know: a number that is not 0; whatever verifiers may know more of."""

    NONZERO = 0
    PERHAPS = 1


@dataclass(frozen=True, slots=True)
class Low:
    """The lower half of a number is *half*; the upper one may be anything."""

    half: int


@dataclass(frozen=True, slots=True)
class Bits:
    """A number whose *unknown* bits may be anything; of the others *ones* are set."""

    ones: int
    unknown: int

    @property
    def most(self) -> int:
        """All bits that may be set."""
        return self.ones | self.unknown


#: A number of 64 bits without sign, half of one, some bits of it, an address of read-only data, or None: it
#: may be anything.
Value = int | Low | Bits | DataAddress | Opaque | None


def lower(value: Value) -> int | None:
    """The lower half, where it is known."""
    if isinstance(value, Low):
        return value.half
    return value & HALF if isinstance(value, int) else None


_ADD, SUB, _MUL, OR, AND, _LSH, _RSH, _XOR, _ARSH = 0x00, 0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0xA0, 0xC0

_PLAIN: Final[dict[int, Callable[[int, int], int]]] = {
    _ADD: operator.add,
    SUB: operator.sub,
    _MUL: operator.mul,
    OR: operator.or_,
    AND: operator.and_,
    _XOR: operator.xor,
}
_SHIFTS: Final = frozenset({_LSH, _RSH, _ARSH})


def signed(number: int, bits: int) -> int:
    """The lowest *bits* of *number* with their sign."""
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


def arithmetic(operation: int, left: Value, right: Value, *, wide: bool) -> Value:
    """``left OP right`` of 64 bits, or of 32 if not *wide*."""
    if not wide:
        left, right = lower(left), lower(right)
    if isinstance(left, int) and isinstance(right, int):
        return _numbers(operation, left, right, 64 if wide else 32)
    if isinstance(left, DataAddress) and isinstance(right, int) and operation in {_ADD, SUB}:
        distance = signed(right, 64)
        return DataAddress(left.section, left.offset + (distance if operation == _ADD else -distance))
    return None


def _numbers(operation: int, left: int, right: int, bits: int) -> int | None:
    mask = (1 << bits) - 1
    if operation in _SHIFTS:
        if right >= bits:
            return None
        if operation == _LSH:
            return left << right & mask
        return left >> right if operation == _RSH else signed(left, bits) >> right & mask
    function = _PLAIN.get(operation)
    return function(left, right) & mask if function else None


def divide(left: Value, right: Value, *, wide: bool, remainder: bool) -> Value:
    """``left / right`` or, for the *remainder*, ``left % right``, without sign; by zero as BPF has it."""
    if not isinstance(left, int) or not isinstance(right, int):
        return None
    mask = WORD if wide else HALF
    left, right = left & mask, right & mask
    if remainder:
        return left % right if right else left
    return left // right if right else 0


def in_byte_order(number: int, bits: int, *, swaps: bool) -> int | None:
    """The lowest *bits* (16, 32 or 64) of *number*, their bytes the other way round if it *swaps* them."""
    if bits not in {16, 32, 64}:
        return None
    data = (number & (1 << bits) - 1).to_bytes(bits // 8, "little")
    return int.from_bytes(data, "big" if swaps else "little")


_UNSIGNED: Final[dict[int, Callable[[int, int], bool]]] = {
    0x10: operator.eq,  # JEQ
    0x50: operator.ne,
    0x20: operator.gt,
    0x30: operator.ge,
    0xA0: operator.lt,
    0xB0: operator.le,
    0x40: lambda left, right: bool(left & right),  # JSET
}
_SIGNED: Final[dict[int, Callable[[int, int], bool]]] = {
    0x60: operator.gt,  # JSGT
    0x70: operator.ge,
    0xC0: operator.lt,
    0xD0: operator.le,
}
_EQUAL, _UNEQUAL = 0x10, 0x50


def is_taken(operation: int, left: Value, right: Value, *, wide: bool) -> bool | None:
    """Whether a conditional jump is taken; None for both ways."""
    if left is Opaque.NONZERO and right == 0 and wide and operation in {_EQUAL, _UNEQUAL}:
        return operation == _UNEQUAL
    if not wide:
        left, right = lower(left), lower(right)
    if not isinstance(left, int) or not isinstance(right, int):
        return None
    if compare := _SIGNED.get(operation):
        bits = 64 if wide else 32
        return compare(signed(left, bits), signed(right, bits))
    test = _UNSIGNED.get(operation)
    return test(left, right) if test else None
