"""Values of structs that nobody thought of: made at random, written by clang, read and written by us."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_ebpf.bpf.codec import pack, unpack
from pytest_ebpf.bpf.values import Values
from pytest_ebpf.elf import Elf
from pytest_ebpf.objects import read_object

INTEGERS = {
    "unsigned char": (0, 255),
    "short": (-(1 << 15), (1 << 15) - 1),
    "unsigned short": (0, (1 << 16) - 1),
    "int": (-(1 << 31), (1 << 31) - 1),
    "unsigned int": (0, (1 << 32) - 1),
    "long long": (-(1 << 63), (1 << 63) - 1),
    "unsigned long long": (0, (1 << 64) - 1),
}


@dataclass
class Sample:
    """A member: how C declares it and gives it its value, and the value in Python, by name."""

    declaration: str
    initial: str
    values: dict[str, Any]


@dataclass
class Maker:
    chance: random.Random
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
        kinds = [self.scalar, self.bits, self.bits, self.boolean, self.text, self.array]
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
    maker = Maker(random.Random(seed))
    samples = [maker.members() for _ in range(30)]
    source = "\n".join(
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
