"""Numbers of which only some bits are known, as verifiers follow them.

Nothing here leaves out a value that there may be: the tests hold it against programs that are run.
"""

from __future__ import annotations

from typing import Final

from pytest_ebpf.requirements.values import HALF, WORD, Bits, Low, Opaque, Value, in_byte_order, signed

_EQUAL, _UNEQUAL, _SET = 0x10, 0x50, 0x40  # JEQ, JNE, JSET
#: JLT, JGE, JGT, JLE, and those with a sign: all are "less", with sides changed or denied.
_UNSIGNED: Final = frozenset({0xA0, 0x30, 0x20, 0xB0})
_SIGNED: Final = frozenset({0xC0, 0x70, 0x60, 0xD0})
_SIDES_CHANGED: Final = frozenset({0x20, 0xB0, 0x60, 0xD0})
_DENIED: Final = frozenset({0x30, 0xB0, 0x70, 0xD0})


def loaded(size: int) -> Value:
    """What a load of *size* bytes gives, whatever is there."""
    return _value(0, (1 << size * 8) - 1)


def bits_of(value: Value, *, wide: bool) -> Bits:
    """The bits of *value*, or of its lower half."""
    mask = WORD if wide else HALF
    match value:
        case int():
            return Bits(value & mask, 0)
        case Bits():
            return Bits(value.ones & mask, value.unknown & mask)
        case Low():
            return Bits(value.half, WORD & ~HALF & mask)
        case _:
            return Bits(0, mask)


def _value(ones: int, unknown: int) -> Value:
    if not unknown:
        return ones
    return None if unknown == WORD else Bits(ones, unknown)


def _up_to(most: int) -> Bits:
    return Bits(0, (1 << most.bit_length()) - 1)


def compute(operation: int, left: Value, right: Value, *, wide: bool) -> Value:
    """``left OP right``, unsigned, of 64 bits, or of 32 if not *wide*; None where no bit of it is known."""
    if Opaque.PERHAPS in {left, right}:
        return Opaque.PERHAPS
    a, b = bits_of(left, wide=wide), bits_of(right, wide=wide)
    mask = WORD if wide else HALF
    found = _shift(operation, a, b.ones, 64 if wide else 32) if not b.unknown else None
    found = found or _bitwise(operation, a, b) or _arithmetic(operation, a, b, mask)
    return _value(found.ones & mask, found.unknown & mask)


def _bitwise(operation: int, a: Bits, b: Bits) -> Bits | None:
    match operation:
        case 0x50:  # AND
            ones = a.ones & b.ones
            return Bits(ones, a.most & b.most & ~ones)
        case 0x40:  # OR
            ones = a.ones | b.ones
            return Bits(ones, (a.most | b.most) & ~ones)
        case 0xA0:  # XOR
            unknown = a.unknown | b.unknown
            return Bits((a.ones ^ b.ones) & ~unknown, unknown)
    return None


def _shift(operation: int, a: Bits, by: int, width: int) -> Bits | None:
    if by >= width:
        return None
    match operation:
        case 0x60:  # LSH
            return Bits(a.ones << by, a.unknown << by)
        case 0x70:  # RSH
            return Bits(a.ones >> by, a.unknown >> by)
        case 0xC0:  # ARSH: the sign, known or not, comes in from above
            return Bits(signed(a.ones, width) >> by, signed(a.unknown, width) >> by)
    return None


def _arithmetic(operation: int, a: Bits, b: Bits, mask: int) -> Bits:
    """By the bits that a carry may change, or by the largest result."""
    match operation:
        case 0x00:  # ADD
            least, most = a.ones + b.ones, a.most + b.most
            unknown = (least ^ most) | a.unknown | b.unknown
            return Bits(least & ~unknown, unknown)
        case 0x10:  # SUB
            difference = a.ones - b.ones
            unknown = ((difference + a.unknown) ^ (difference - b.unknown)) | a.unknown | b.unknown
            return Bits(difference & ~unknown, unknown)
        case 0x20 if a.most * b.most <= mask:  # MUL
            return _up_to(a.most * b.most)
        case 0x30:  # DIV
            return _up_to(a.most // max(b.ones, 1))
        case 0x90:  # MOD
            return _up_to(min(a.most, b.most - 1) if b.ones else a.most)
    return Bits(0, mask)


def swapped(value: Value, bits: int, *, swaps: bool) -> Value:
    """The lowest *bits* (16, 32 or 64) of *value*, their bytes the other way round if it *swaps* them."""
    if value is Opaque.PERHAPS:
        return value
    a = bits_of(value, wide=True)
    ones, unknown = (in_byte_order(each, bits, swaps=swaps) for each in (a.ones, a.unknown))
    return None if ones is None or unknown is None else _value(ones, unknown)


def is_taken(operation: int, left: Value, right: Value, *, wide: bool) -> bool | None:
    """Whether a conditional jump is taken; None for both ways."""
    a, b = bits_of(left, wide=wide), bits_of(right, wide=wide)
    if operation in {_EQUAL, _UNEQUAL}:
        if (a.ones ^ b.ones) & ~(a.unknown | b.unknown):
            return operation == _UNEQUAL
        return None if a.unknown or b.unknown else operation == _EQUAL
    if operation == _SET:
        if a.ones & b.ones:
            return True
        return None if a.most & b.most else False
    if operation not in _UNSIGNED | _SIGNED:
        return None
    if operation in _SIDES_CHANGED:
        a, b = b, a
    less = _is_less(a, b, 64 if wide else 32, by_sign=operation in _SIGNED)
    return less if less is None else less != (operation in _DENIED)


def _is_less(a: Bits, b: Bits, width: int, *, by_sign: bool) -> bool | None:
    (low, high), (other_low, other_high) = (
        _range(a, width, by_sign=by_sign),
        _range(b, width, by_sign=by_sign),
    )
    if high < other_low:
        return True
    return False if low >= other_high else None


def _range(a: Bits, width: int, *, by_sign: bool) -> tuple[int, int]:
    """The least and the largest of the numbers that it may be."""
    if not by_sign:
        return a.ones, a.most
    sign = a.unknown & 1 << width - 1
    return signed(a.ones | sign, width), signed(a.most & ~sign, width)


def after(operation: int, value: Value, number: int, *, taken: bool) -> Value:
    """What *value* is where its comparison with *number*, of 64 bits, has gone one way: a mask or a bound."""
    if value is not None and not isinstance(value, Bits):
        return value
    a = bits_of(value, wide=True)
    match operation, taken:
        case (0x40, False):  # JSET
            unknown = a.unknown & ~number
        case (0x20, False) | (0xB0, True):  # at most
            unknown = a.unknown & _up_to(number).unknown
        case (0x30, False) | (0xA0, True) if number:  # less
            unknown = a.unknown & _up_to(number - 1).unknown
        case _:
            return value
    return _value(a.ones, unknown)
