"""Type expressions of the manifest: ``u32``, ``char[16]``, ``rule[4][2]``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pytest_ebpf.manifest.defect import DefectError

_EXPRESSION: Final = re.compile(r"\s*([A-Za-z_]\w*)((?:\s*\[[^\[\]]*\])*)\s*", re.ASCII)
_DIMENSION: Final = re.compile(r"\[([^\[\]]*)\]")

#: An array of more elements than this is no value of a BPF map (``KMALLOC_MAX_SIZE`` is 4 MiB on x86).
MAX_ELEMENTS: Final = 1 << 22


@dataclass(frozen=True)
class Layout:
    """*size* and *align* in bytes, by the C rules of the BPF target (every scalar aligned to its size)."""

    size: int
    align: int


@dataclass(frozen=True)
class Integer:
    """An integer type: its width in *bits* and whether it is *signed*."""

    bits: int
    signed: bool

    @property
    def minimum(self) -> int:
        """The smallest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """The largest value."""
        return (1 << (self.bits - self.signed)) - 1


#: Host-endian integers, by name. An enum may be stored as any of them.
INTEGERS: Final[Mapping[str, Integer]] = MappingProxyType(
    {f"{sign}{bits}": Integer(bits, sign == "s") for sign in "us" for bits in (8, 16, 32, 64)}
)

#: Integers in network byte order.
BIG_ENDIAN: Final[Mapping[str, Integer]] = MappingProxyType(
    {f"be{bits}": Integer(bits, signed=False) for bits in (16, 32, 64)}
)

#: A prefix length (u32, host order) and an address: the key of an LPM trie.
PREFIXES: Final = frozenset({"ipv4_prefix", "ipv6_prefix"})

#: Every type that need not be declared. An IPv6 address and a MAC are arrays of bytes, so aligned to 1.
BUILTINS: Final[Mapping[str, Layout]] = MappingProxyType(
    {
        **{name: Layout(i.bits // 8, i.bits // 8) for name, i in (*INTEGERS.items(), *BIG_ENDIAN.items())},
        "bool": Layout(1, 1),
        "char": Layout(1, 1),
        "ipv4": Layout(4, 4),
        "ipv6": Layout(16, 1),
        "mac": Layout(6, 1),
        "ipv4_prefix": Layout(8, 4),
        "ipv6_prefix": Layout(20, 4),
    }
)


#: Types as C calls them, to ours: nobody means anything else by them. ``long`` has 64 bits, as BPF has it.
_OF_C: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{f"__{name}": name for name in (*INTEGERS, *BIG_ENDIAN)},
        **{f"{'u' * (sign == 'u')}int{bits}_t": f"{sign}{bits}" for sign in "us" for bits in (8, 16, 32, 64)},
        **{
            f"{prefix}{word}": f"{'u' if prefix == 'unsigned ' else 's'}{bits}"
            for word, bits in (("short", 16), ("int", 32), ("long", 64), ("long long", 64), ("char", 8))
            for prefix in ("unsigned ", "signed ", *([""] if word != "char" else []))
        },
        "unsigned": "u32",
        "size_t": "u64",
        "ssize_t": "s64",
        "pid_t": "s32",
        "_Bool": "bool",
        "in_addr": "ipv4",
        "in6_addr": "ipv6",
        "i8": "s8",
        "i16": "s16",
        "i32": "s32",
        "i64": "s64",
    }
)
_C_EXPRESSION: Final = re.compile(r"\s*(?:(?:struct|union|enum)\s+)?(\w[\w\s]*?)\s*((?:\[\s*\d+\s*\])*)\s*")


def meant(text: str) -> str | None:
    """What *text* is if it is C: ``u32[4]`` for ``unsigned int[4]``, ``rule`` for ``struct rule``.

    None if that is no C, or is *text* itself.
    """
    match = _C_EXPRESSION.fullmatch(text)
    if not match:
        return None
    words = " ".join(match[1].split())
    ours = _OF_C.get(words, words) + match[2]
    return ours if ours != text and _EXPRESSION.fullmatch(ours) else None


@dataclass(frozen=True)
class TypeExpr:
    """A *base* type, by name, and the dimensions of an array of it, outermost first (none: no array)."""

    base: str
    dims: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.base + "".join(f"[{count}]" for count in self.dims)

    @property
    def element(self) -> TypeExpr:
        """What an array holds: ``u32[2]`` for ``u32[4][2]``. Only for arrays."""
        return TypeExpr(self.base, self.dims[1:])


def parse(text: str) -> TypeExpr:
    """Read a type expression, whether or not its base exists. :class:`DefectError` when it is malformed."""
    match = _EXPRESSION.fullmatch(text)
    if not match:
        ours = meant(text)
        hint = f'did you mean "{ours}"?' if ours else 'write a name, or an array as in "u32[4]"'
        raise DefectError(f'not a type (seen "{text}")', hint=hint)
    dims = tuple(_count(text, dimension) for dimension in _DIMENSION.findall(match[2]))
    return TypeExpr(match[1], dims)


def _count(text: str, dimension: str) -> int:
    digits = dimension.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 12:
        raise DefectError(f'array length must be a number (seen "{text}")', hint='write it as in "u32[4]"')
    if not 1 <= int(digits) <= MAX_ELEMENTS:
        raise DefectError(f'array length must be 1 to {MAX_ELEMENTS} (seen "{text}")')
    return int(digits)
