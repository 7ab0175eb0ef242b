"""Values of structs that nobody thought of: made at random, written by clang, read and written by us."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_ebpf.elf import Elf
from pytest_ebpf.objects import read_object
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import pack, unpack

INTEGERS = {
    "unsigned char": (0, 255),
    "short": (-(1 << 15), (1 << 15) - 1),
    "unsigned short": (0, (1 << 16) - 1),
    "int": (-(1 << 31), (1 << 31) - 1),
    "unsigned int": (0, (1 << 32) - 1),
    "long long": (-(1 << 63), (1 << 63) - 1),
    "unsigned long long": (0, (1 << 64) - 1),
}


KINDS = {"short": 16, "int": 32, "long long": 64}


@dataclass
class Sample:
    """A member: how C declares it and gives it its value, and the value in Python, by name."""

    declaration: str
    initial: str
    values: dict[str, Any]


@dataclass
class Maker:
    chance: random.Random
    little: bool
    count: int = 0
    names: list[str] = field(default_factory=list)

    def name(self) -> str:
        self.count += 1
        return f"m{self.count}"

    def number(self, low: int, high: int) -> int:
        return self.chance.choice([low, high, 0, self.chance.randint(low, high)])

    def scalar(self) -> Sample:
        name, (kind, (low, high)) = self.name(), self.chance.choice(list(INTEGERS.items()))
        value = self.number(low, high)
        return Sample(f"{kind} {name};", literal(value), {name: value})

    def bits(self) -> Sample:
        name, kind = self.name(), self.chance.choice(["int", "unsigned int", "unsigned long long"])
        width = self.chance.randint(1, 64 if "long" in kind else 32)
        low, high = (-(1 << width - 1), (1 << width - 1) - 1) if kind == "int" else (0, (1 << width) - 1)
        value = self.number(low, high)
        return Sample(f"{kind} {name} : {width};", literal(value), {name: value})

    def boolean(self) -> Sample:
        name, value = self.name(), self.chance.random() < 0.5
        return Sample(f"_Bool {name};", str(int(value)), {name: value})

    def text(self) -> Sample:
        name, value = self.name(), "x" * self.chance.randint(0, 7)
        return Sample(f"char {name}[7];", f'"{value}"', {name: value})

    def array(self) -> Sample:
        name, count = self.name(), self.chance.randint(1, 3)
        values = [self.number(*INTEGERS["int"]) for _ in range(count)]
        inside = ", ".join(map(literal, values))
        return Sample(f"int {name}[{count}];", f"{{ {inside} }}", {name: values})

    def enum(self) -> Sample:
        """Of 32 or, where a constant needs that many, 64 bits; in one bit field of three."""
        name = self.name()
        low = self.chance.choice([0, -1, -(1 << 31), -(1 << 40)])
        high = self.chance.choice([1, (1 << 31) - 1, 1 << 45])
        value = self.chance.choice([low, high])
        field = " : 2" if (low, high) == (0, 1) else ""
        declared = f"enum {{ L{name} = {literal(low)}, H{name} = {literal(high)} }} {name}{field};"
        return Sample(declared, literal(value), {name: value})

    def wide(self) -> Sample:
        """Integers of 16 bytes and pointers, of which C writes small values only."""
        name, value = self.name(), self.chance.randint(-9, 9)
        kind = self.chance.choice(["__int128", "unsigned __int128", "void *", "void (*%s)(int)"])
        value = value if kind == "__int128" else abs(value)
        declared = kind % name if "%s" in kind else f"{kind} {name}"
        return Sample(f"{declared};", f"(void *){value}" if "void" in kind else str(value), {name: value})

    def real(self) -> Sample:
        name, value = self.name(), self.chance.choice([0.0, -1.5, 0.1, 1e30])
        kind = self.chance.choice(["double", "float"])
        if kind == "float":
            (value,) = struct.unpack("f", struct.pack("f", value))
        return Sample(f"{kind} {name};", repr(value), {name: value})

    def grid(self) -> Sample:
        """Arrays of arrays: of numbers, of bytes and of texts; structs of no size among them."""
        name, count = self.name(), self.chance.randint(1, 3)
        kind = self.chance.choice(["short", "unsigned char", "char", "struct {}"])
        if kind == "char":
            texts = ["x" * self.chance.randint(0, 4) for _ in range(count)]
            inside = ", ".join(f'"{each}"' for each in texts)
            return Sample(f"char {name}[{count}][4];", f"{{ {inside} }}", {name: texts})
        if kind == "struct {}":
            return Sample(f"struct {{}} {name}[{count}];", "{}", {name: [{}] * count})
        rows = [[self.number(0, 127) for _ in range(2)] for _ in range(count)]
        inside = ", ".join(f"{{ {', '.join(map(literal, row))} }}" for row in rows)
        values = [bytes(row) for row in rows] if kind == "unsigned char" else rows
        return Sample(f"{kind} {name}[{count}][2];", f"{{ {inside} }}", {name: values})

    def union(self) -> Sample:
        """The member that is the longest says all of its bytes; the others read as the beginning of them."""
        name, value = self.name(), self.number(0, (1 << 64) - 1)
        parts = {f"{name}a": (1 << 64) - 1, f"{name}b": (1 << 32) - 1, f"{name}c": (1 << 16) - 1}
        declared = f"union {{ __u64 {name}a; __u32 {name}b; struct {{ __u16 {name}c; }}; }}"
        values = {
            each: (value if self.little else value >> 64 - mask.bit_length()) & mask
            for each, mask in parts.items()
        }
        if self.chance.random() < 0.5:
            return Sample(f"{declared};", f"{{ {literal(value)} }}", values)
        return Sample(f"{declared} {name};", f"{{ {literal(value)} }}", {name: values})

    def nested(self, depth: int) -> Sample:
        """A struct with a name, or without one, whose members then are those of the struct around it."""
        inner = self.members(depth + 1)
        declared = " ".join(each.declaration for each in inner)
        initial = "{ " + ", ".join(each.initial for each in inner) + " }"
        values = {name: value for each in inner for name, value in each.values.items()}
        packed = " __attribute__((packed))" if self.chance.random() < 0.3 else ""
        if self.chance.random() < 0.5:
            return Sample(f"struct {{ {declared} }}{packed};", initial, values)
        name = self.name()
        return Sample(f"struct {{ {declared} }}{packed} {name};", initial, {name: values})

    def members(self, depth: int = 0) -> list[Sample]:
        kinds = [self.scalar, self.bits, self.bits, self.boolean, self.text, self.array, self.enum, self.wide]
        kinds += [self.real, self.grid, self.union]
        if depth < 3:
            kinds.append(lambda: self.nested(depth))
        return [self.chance.choice(kinds)() for _ in range(self.chance.randint(1, 6))]


def literal(value: int) -> str:
    if value == -(1 << 63):
        return "(-9223372036854775807ll - 1)"
    return f"{value}{'ull' if value >= 1 << 63 else 'll'}"


@pytest.mark.parametrize("target", ["bpfel", "bpfeb"])
@pytest.mark.parametrize("seed", range(4))
def test_random_structs(compile_bpf, target, seed):
    maker = Maker(random.Random(seed), target == "bpfel")
    samples = [maker.members() for _ in range(30)]
    types = "".join(f"typedef unsigned {kind} __u{bits};" for kind, bits in KINDS.items())
    source = types + "\n".join(
        f"struct s{number} {{ {' '.join(each.declaration for each in members)} }} v{number} "
        f'__attribute__((section(".data.v{number}"))) = {{ {", ".join(each.initial for each in members)} }};'
        for number, members in enumerate(samples)
    )
    path = compile_bpf(source, "-target", target, "-Wno-bitfield-constant-conversion")
    facts, elf = read_object(path), Elf.read(path.read_bytes())
    values = Values(facts.btf)
    for number, members in enumerate(samples):
        expected = {name: value for each in members for name, value in each.values.items()}
        codec, data = values.named(f"struct s{number}"), elf.section(f".data.v{number}").data
        assert unpack(codec, data, "") == expected, (seed, number)
        assert unpack(codec, pack(codec, expected, ""), "") == expected, (seed, number)
