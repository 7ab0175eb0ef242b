"""What the manifest declares, in C."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_ebpf.build import ctext
from pytest_ebpf.build.ctext import CMap, CType
from pytest_ebpf.manifest import Manifest, TypeExpr
from pytest_ebpf.manifest.typeexpr import BUILTINS, parse

Read = Callable[[str], Manifest]


@pytest.mark.parametrize(
    ("expression", "declaration"),
    [
        ("u32", "__u32 x"),
        ("s8[4]", "__s8 x[4]"),
        ("be16", "__be16 x"),
        ("char[16]", "char x[16]"),
        ("u8[2][3]", "__u8 x[2][3]"),
        ("ipv4", "ebpf_ipv4 x"),
        ("mac[2]", "ebpf_mac x[2]"),
        ("ipv6_prefix", "struct ebpf_ipv6_prefix x"),
    ],
)
def test_types_are_spelled_in_c(expression: str, declaration: str) -> None:
    assert ctext.spell(parse(expression), "x", {}) == declaration


def test_every_builtin_type_has_a_spelling() -> None:
    assert set(ctext.SPELLING) == set(BUILTINS)


def test_types_come_after_what_they_are_made_of(manifest_of: Read) -> None:
    manifest = manifest_of(
        """
        [types.outer]
        struct = { inner = "inner[2]", kind = "kind", either = "either" }
        [types.inner]
        struct = { hits = "u64" }
        [types.either]
        union = { a = "u32", b = "u8[4]" }
        [types.kind]
        enum = ["ONE", "TWO"]
        """
    )
    assert list(ctext.ctypes(manifest.types)) == [
        CType("struct inner", ("__u64 hits;",)),
        CType("enum kind", ("ONE = 0,", "TWO = 1,")),
        CType("union either", ("__u32 a;", "__u8 b[4];")),
        CType("struct outer", ("struct inner inner[2];", "enum kind kind;", "union either either;")),
    ]


def test_an_enum_of_another_size_says_so(manifest_of: Read) -> None:
    manifest = manifest_of('[types.e]\nenum = { A = -1, B = 4294967296 }\ntype = "s64"\n')
    assert list(ctext.ctypes(manifest.types)) == [
        CType("enum e : signed long long", ("A = -1,", "B = 4294967296LL,"))
    ]
    assert ctext.enumerators(manifest.types) == ["A", "B"]


def test_a_map_is_its_attributes(manifest_of: Read) -> None:
    manifest = manifest_of(
        """
        [types.rule]
        struct = { hits = "u64" }
        [maps.blocked]
        type = "lpm_trie"
        key = "ipv4_prefix"
        value = "rule"
        max_entries = 8
        flags = ["no_prealloc"]
        [maps.events]
        type = "ringbuf"
        max_entries = 4096
        """
    )
    assert list(ctext.cmaps(["blocked", "events"], manifest.maps, manifest.types)) == [
        CMap(
            "blocked",
            None,
            (
                "__uint(type, 11); /* lpm_trie */",
                "__uint(max_entries, 8);",
                "__uint(map_flags, 1); /* no_prealloc */",
                "__type(key, struct ebpf_ipv4_prefix);",
                "__type(value, struct rule);",
            ),
            defined=True,
        ),
        CMap("events", None, ("__uint(type, 27); /* ringbuf */", "__uint(max_entries, 4096);"), defined=True),
    ]


def test_the_type_of_records_comes_into_btf(manifest_of: Read) -> None:
    manifest = manifest_of(
        """
        [types.event]
        struct = { pid = "u32" }
        [maps.events]
        type = "ringbuf"
        max_entries = 4096
        records = "event"
        """
    )
    (events,) = ctext.cmaps(["events"], manifest.maps, manifest.types)
    assert events.attributes[-1] == "struct event (*pinning)[0];"


def test_the_type_of_what_an_iterator_writes_comes_into_btf(manifest_of: Read) -> None:
    manifest = manifest_of(
        """
        [types.task]
        struct = { pid = "u32" }
        [objects.walk]
        path = "walk.o"
        programs.tasks = { hook = "iter/task", records = "task" }
        programs.maps = { hook = "iter/bpf_map" }
        """
    )
    lines = list(ctext.crecords(manifest.objects["walk"].programs, manifest.types))
    assert lines == ['struct task *ebpf_records_tasks SEC(".ebpf.records");']


def test_the_shape_of_inner_maps_comes_first_and_is_no_map(manifest_of: Read) -> None:
    manifest = manifest_of(
        """
        [maps.tables]
        type = "hash_of_maps"
        key = "u32"
        max_entries = 4
        inner = "table"
        [maps.table]
        type = "array"
        value = "u64"
        max_entries = 16
        """
    )
    shape, outer = ctext.cmaps(["tables"], manifest.maps, manifest.types)
    assert (shape.name, shape.tag, shape.defined) == ("table", "ebpf_map_table", False)
    assert outer.attributes[-1] == "__array(values, struct ebpf_map_table);"
    both = list(ctext.cmaps(["tables", "table"], manifest.maps, manifest.types))
    assert [(each.name, each.defined) for each in both] == [("table", True), ("tables", True)]


def test_constants_are_volatile_so_that_the_loader_can_set_them(manifest_of: Read) -> None:
    manifest = manifest_of(
        '[globals.limit]\ntype = "u32"\nvalue = 7\n[globals.seen]\ntype = "u64"\nvalue = 0\nconst = false\n'
    )
    lines = [ctext.cglobal(name, each, {}).line for name, each in manifest.globals.items()]
    assert lines == ["const volatile __u32 limit = 7;", "__u64 seen = 0;"]


@pytest.mark.parametrize(
    ("expression", "value", "initializer"),
    [
        ("u32", 4294967295, "4294967295LL"),
        ("u64", (1 << 64) - 1, "18446744073709551615ULL"),
        ("s64", -(1 << 63), "(-9223372036854775807LL - 1)"),
        ("s32", -5, "-5"),
        ("bool", True, "1"),
        ("char", "A", "65"),
        ("be16", 8080, "bpf_htons(8080)"),
        ("be32", 1, "bpf_htonl(1)"),
        ("be64", 1, "bpf_cpu_to_be64(1)"),
        ("ipv4", "10.0.0.1", "bpf_htonl(0x0a000001)"),
        ("mac", "02:00:00:00:00:fe", "{ { 0x02, 0x00, 0x00, 0x00, 0x00, 0xfe } }"),
        ("ipv6", "::1", "{ { " + "0x00, " * 15 + "0x01 } }"),
        ("ipv4_prefix", "10.0.0.0/8", "{ 8, bpf_htonl(0x0a000000) }"),
        ("ipv6_prefix", "fe80::/10", "{ 10, { { 0xfe, 0x80, " + ", ".join(["0x00"] * 14) + " } } }"),
        ("u8[3]", (1, 2, 3), "{ 1, 2, 3 }"),
        ("u8[2][2]", ((1, 2), (3, 4)), "{ { 1, 2 }, { 3, 4 } }"),
        ("char[8]", "eth0", '"eth0"'),
    ],
)
def test_initial_values(expression: str, value: Any, initializer: str) -> None:
    assert ctext.initial(value, parse(expression), {}) == initializer


def test_an_enum_is_initialized_by_name_or_number(manifest_of: Read) -> None:
    types = manifest_of('[types.kind]\nenum = ["ONE", "TWO"]\n').types
    assert ctext.initial("TWO", TypeExpr("kind"), types) == "TWO"
    assert ctext.initial(1, TypeExpr("kind"), types) == "1"


def test_strings_survive_c() -> None:
    assert ctext.string('a"b\\c??/\n1\u00e9') == '"a\\042b\\134c\\077\\077/\\0121\\303\\251"'
