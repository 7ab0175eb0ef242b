"""What is said of the flags and sizes of each type of map, held against kernels."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from functools import cache

import pytest

from pytest_ebpf import paths
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.manifest.maprules import FLAG_ONLY_ON, RULES, Side
from pytest_ebpf.uapi import MapFlag, MapType

STORAGES = {MapType.SK_STORAGE, MapType.INODE_STORAGE, MapType.TASK_STORAGE, MapType.CGRP_STORAGE}

#: What stands in the object for the type, the flags, the number of entries and the sizes.
TYPE, FLAGS, ENTRIES, KEY, VALUE = 0x1234567, 0x2345671, 0x3456712, 0x4567123, 0x5671234

#: Only newer kernels know these flags; the suite's others all do, where they have the type.
LATE = {MapFlag.RB_OVERWRITE}


@pytest.fixture(scope="module")
def make():
    """``make(MapType.HASH, flags=1)``: an object with one such map, that is right but for what is said."""

    @cache
    def template(members: str) -> bytes:
        source = f"""
            #include <linux/bpf.h>
            #include <bpf/bpf_helpers.h>
            struct {{ __uint(type, {TYPE}); __uint(map_flags, {FLAGS}); __uint(max_entries, {ENTRIES});
                      {members} }} m SEC(".maps");
            """
        headers = ["-I", paths.libbpf_include(), "-idirafter", "/usr/include/x86_64-linux-gnu"]
        argv = ["clang-19", "-target", "bpf", "-g", *headers, "-x", "c", "-", "-c", "-o", "-"]
        return subprocess.run(argv, input=source.encode(), check=True, capture_output=True, timeout=60).stdout

    def one(kind: MapType, *, flags: int = 0, **sizes: int) -> bytes:
        rule = RULES[kind]
        members = f"__uint(key_size, {KEY}); __uint(value_size, {VALUE});"
        if kind in STORAGES:
            members = "__type(key, int); __type(value, long);"
        if rule.inner:
            members += (
                "__array(values, struct { __uint(type, 2); __uint(max_entries, 1);"
                " __uint(key_size, 4); __uint(value_size, 4); });"
            )
        values = {
            TYPE: int(kind),
            FLAGS: flags | sum(rule.flags),
            ENTRIES: sizes.get("entries", 0 if rule.entries == "refused" else 4096),
            KEY: sizes.get("key", size_of(rule.key)),
            VALUE: sizes.get("value", 32 if kind is MapType.STACK_TRACE else size_of(rule.value)),
        }
        data = template(members)
        for mark, value in values.items():
            data = data.replace(struct.pack("<I", mark), struct.pack("<I", value))
        return data

    return one


def size_of(side: Side) -> int:
    return (side.sizes or (8,))[0] if side.present else 0


def is_made(guest: Guest, elf: bytes) -> bool:
    try:
        guest.call("unload", object=guest.call("load", elf=elf, name="map")["object"])
    except CallError:
        return False
    return True


@pytest.fixture
def kinds(kernel) -> list[MapType]:
    """The types that the kernel of this test has."""
    return [kind for kind in RULES if int(kind) in KernelFacts(kernel).enumerators("bpf_map_type")]


def test_which_types_take_a_flag(guest, kinds, make):
    wrong = [kind for kind in kinds if not is_made(guest, make(kind))]
    for flag, types in FLAG_ONLY_ON.items():
        for kind in kinds:
            taken = is_made(guest, make(kind, flags=int(flag)))
            if taken != (kind in types) and not (flag in LATE and not taken):
                wrong.append((kind, flag, taken))
    assert not wrong


def limits(kind: MapType) -> Iterator[tuple[str, int, bool]]:
    """Sizes that are just refused, and just taken where that is a matter of the size alone."""
    rule = RULES[kind]
    for name, side in (("key", rule.key), ("value", rule.value)):
        if side.least > 1:
            yield from ((name, side.least - 1, False), (name, side.least, True))
        if side.most < 1 << 31:
            yield name, side.most + 1, False
            if side.most < 1 << 20:
                yield name, side.most, True


def test_how_large_keys_and_values_are(guest, kinds, make):
    tried = [(kind, *limit) for kind in kinds for limit in limits(kind)]
    assert len(tried) >= 10
    wrong = [
        (kind, name, size)
        for kind, name, size, is_taken in tried
        if is_made(guest, make(kind, entries=1, **{name: size})) != is_taken
    ]
    assert not wrong


def test_some_have_no_number_of_entries(guest, kinds, make):
    for kind in kinds:
        if RULES[kind].entries == "refused":
            assert not is_made(guest, make(kind, entries=4096))
