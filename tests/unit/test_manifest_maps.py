"""Maps that no kernel would create, told before anything is built."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_ebpf.manifest import Manifest, TypeExpr
from pytest_ebpf.manifest.maprules import FLAG_NAMES, RULES, TYPE_NAMES
from pytest_ebpf.uapi import MapType

Read = Callable[[str], Manifest]
Problems = Callable[[str], list[str]]

TYPES = """\
[types]
counters = { struct = { packets = "u64", bytes = "u64" } }
by_vlan = { struct = { length = "u32", vlan = "u16", address = "ipv4" } }
unruly = { struct = { vlan = "u16", length = "u32" } }
wide = { struct = { length = "u32", data = "u8[257]" } }
"""

#: One good declaration of every type of map; what is not said is implied.
GOOD = {
    "hash": 'key = "ipv4"\nvalue = "counters"\nmax_entries = 10\nflags = ["no_prealloc"]',
    "percpu_hash": 'key = "ipv6"\nvalue = "counters"\nmax_entries = 10\nflags = ["wronly"]',
    "lru_hash": 'key = "mac"\nvalue = "u8"\nmax_entries = 10\nflags = ["no_common_lru"]',
    "lru_percpu_hash": 'key = "u8[3]"\nvalue = "u8"\nmax_entries = 10',
    "rhash": 'key = "u32"\nvalue = "u64"\nmax_entries = 10\nflags = ["no_prealloc"]',
    "array": 'value = "counters"\nmax_entries = 10\nflags = ["mmapable", "rdonly_prog"]',
    "percpu_array": 'key = "u32"\nvalue = "u64"\nmax_entries = 1\nflags = ["wronly_prog"]',
    "prog_array": "max_entries = 8",
    "perf_event_array": "",
    "stack_trace": 'value = "u64[127]"\nmax_entries = 10',
    "cgroup_array": "max_entries = 1",
    "lpm_trie": 'key = "by_vlan"\nvalue = "u8"\nmax_entries = 10\nflags = ["no_prealloc"]',
    "array_of_maps": 'max_entries = 2\ninner = "shape"',
    "hash_of_maps": 'key = "ipv4"\nmax_entries = 2\ninner = "shape"',
    "devmap": "max_entries = 2",
    "devmap_hash": 'value = "u64"\nmax_entries = 2',
    "sockmap": "max_entries = 2",
    "sockhash": 'key = "counters"\nmax_entries = 2',
    "cpumap": "max_entries = 2",
    "xskmap": "max_entries = 2",
    "reuseport_sockarray": "max_entries = 2",
    "cgroup_storage": 'value = "counters"',
    "percpu_cgroup_storage": 'key = "counters"\nvalue = "u64"',
    "queue": 'value = "u32"\nmax_entries = 2',
    "stack": 'value = "counters"\nmax_entries = 2',
    "sk_storage": 'value = "u64"\nflags = ["no_prealloc"]',
    "inode_storage": 'value = "u64"\nflags = ["no_prealloc"]',
    "task_storage": 'value = "u64"\nflags = ["no_prealloc"]',
    "cgrp_storage": 'value = "u64"\nflags = ["no_prealloc"]',
    "bloom_filter": 'value = "ipv4"\nmax_entries = 100',
    "ringbuf": "max_entries = 4096",
    "user_ringbuf": "max_entries = 65536",
    "arena": 'max_entries = 100\nflags = ["mmapable"]',
}

SHAPE = '[maps.shape]\ntype = "array"\nvalue = "u64"\nmax_entries = 1\n'


def test_every_type_of_map_has_an_example_here() -> None:
    assert set(GOOD) == set(TYPE_NAMES)
    assert {MapType[name.upper()] for name in GOOD} == set(RULES)


@pytest.mark.parametrize("kind", GOOD)
def test_a_map_of_every_type(manifest_of: Read, kind: str) -> None:
    manifest = manifest_of(f'{TYPES}{SHAPE}[maps.a]\ntype = "{kind}"\n{GOOD[kind]}\n')
    declared, rule = manifest.maps["a"], RULES[MapType[kind.upper()]]
    assert declared.map_type is MapType[kind.upper()]
    assert (declared.key is not None, declared.value is not None) == (rule.key.present, rule.value.present)


def test_a_key_and_a_value_that_are_implied_are_filled_in(manifest_of: Read) -> None:
    maps = manifest_of(
        """
        [maps.calls]
        type = "prog_array"
        max_entries = 8
        [maps.events]
        type = "ringbuf"
        max_entries = 4096
        """
    ).maps
    assert (maps["calls"].key, maps["calls"].value) == (TypeExpr("u32"), TypeExpr("u32"))
    assert (maps["events"].key, maps["events"].value) == (None, None)


def test_flags_that_only_loaders_set_are_not_declared() -> None:
    assert not {"link", "path_fd", "vtype_btf_obj_fd", "token_fd", "numa_node"} & set(FLAG_NAMES)


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        pytest.param(
            'type = "hash"\nvalue = "u8"\nmax_entries = 1',
            'ebpf.toml:9: maps.a.key: required for hash; add key = "..."',
            id="no-key",
        ),
        pytest.param(
            'type = "array"\nmax_entries = 1',
            'ebpf.toml:9: maps.a.value: required for array; add value = "..."',
            id="no-value",
        ),
        pytest.param(
            'type = "queue"\nkey = "u32"\nvalue = "u8"\nmax_entries = 1',
            'ebpf.toml:11: maps.a.key: queue has none (seen "u32"); remove it',
            id="key-of-a-queue",
        ),
        pytest.param(
            'type = "ringbuf"\nvalue = "counters"\nmax_entries = 4096',
            'ebpf.toml:11: maps.a.value: ringbuf has none (seen "counters"); remove it',
            id="value-of-a-ringbuf",
        ),
        pytest.param(
            'type = "array"\nkey = "u64"\nvalue = "u8"\nmax_entries = 1',
            'ebpf.toml:11: maps.a.key: must have 4 bytes for array (seen "u64", 8 bytes); use "u32"',
            id="key-of-an-array",
        ),
        pytest.param(
            'type = "devmap"\nvalue = "mac"\nmax_entries = 1',
            'ebpf.toml:11: maps.a.value: must have 4 or 8 bytes for devmap (seen "mac", 6 bytes); use "u32"',
            id="value-of-a-devmap",
        ),
        pytest.param(
            'type = "percpu_array"\nvalue = "u64[5000]"\nmax_entries = 1',
            (
                "ebpf.toml:11: maps.a.value: must have at most 32768 bytes for percpu_array"
                ' (seen "u64[5000]", 40000 bytes); use several entries, or an array'
            ),
            id="value-by-cpu",
        ),
        pytest.param(
            'type = "stack_trace"\nvalue = "u32[3]"\nmax_entries = 1',
            (
                "ebpf.toml:11: maps.a.value: must have a multiple of 8 bytes for stack_trace"
                ' (seen "u32[3]", 12 bytes); use an array of "u64"'
            ),
            id="value-of-a-stack-trace",
        ),
        pytest.param(
            'type = "hash"\nkey = "counter"\nvalue = "u8"\nmax_entries = 1',
            'ebpf.toml:11: maps.a.key: unknown type (seen "counter"); did you mean "counters"?',
            id="unknown-type-of-key",
        ),
        pytest.param(
            'type = "hash"\nkey = "u8"\nvalue = "flow[2]"\nmax_entries = 1',
            'ebpf.toml:12: maps.a.value: unknown type (seen "flow[2]"); declare it as [types.flow]',
            id="unknown-type-of-value",
        ),
        pytest.param(
            'type = "lpm_trie"\nkey = "ipv4"\nvalue = "u8"\nmax_entries = 1\nflags = ["no_prealloc"]',
            (
                'ebpf.toml:11: maps.a.key: not a prefix (seen "ipv4"); use "ipv4_prefix", "ipv6_prefix",'
                " or a struct whose first field is the prefix length"
            ),
            id="lpm-key-without-length",
        ),
        pytest.param(
            'type = "lpm_trie"\nkey = "unruly"\nvalue = "u8"\nmax_entries = 1\nflags = ["no_prealloc"]',
            (
                'ebpf.toml:11: maps.a.key: must begin with a u32 (seen "unruly", "u16"); use "ipv4_prefix",'
                ' "ipv6_prefix", or a struct whose first field is the prefix length'
            ),
            id="lpm-key-with-the-length-elsewhere",
        ),
        pytest.param(
            'type = "lpm_trie"\nkey = "wide"\nvalue = "u8"\nmax_entries = 1\nflags = ["no_prealloc"]',
            (
                'ebpf.toml:11: maps.a.key: must have 5 to 260 bytes for lpm_trie (seen "wide", 264 bytes);'
                ' use "ipv4_prefix", "ipv6_prefix", or a struct whose first field is the prefix length'
            ),
            id="lpm-key-too-long",
        ),
        pytest.param(
            'type = "lpm_trie"\nkey = "ipv4_prefix"\nvalue = "u8"\nmax_entries = 1',
            'ebpf.toml:9: maps.a.flags: lpm_trie needs the flag "no_prealloc"; add "no_prealloc" to flags',
            id="lpm-without-its-flag",
        ),
        pytest.param(
            'type = "hash"\nkey = "u8"\nvalue = "u8"',
            "ebpf.toml:9: maps.a.max_entries: required for hash; add max_entries, the number of entries",
            id="no-entries",
        ),
        pytest.param(
            'type = "ringbuf"',
            "ebpf.toml:9: maps.a.max_entries: required for ringbuf; add max_entries, its size in bytes",
            id="no-size",
        ),
        pytest.param(
            'type = "task_storage"\nvalue = "u8"\nmax_entries = 5\nflags = ["no_prealloc"]',
            "ebpf.toml:12: maps.a.max_entries: task_storage has none (seen 5); remove it",
            id="entries-of-a-storage",
        ),
        pytest.param(
            'type = "ringbuf"\nmax_entries = 10000',
            (
                "ebpf.toml:11: maps.a.max_entries: must be a power of two and a multiple of 4096 for ringbuf"
                " (seen 10000); use 16384"
            ),
            id="size-no-power-of-two",
        ),
        pytest.param(
            'type = "user_ringbuf"\nmax_entries = 512',
            (
                "ebpf.toml:11: maps.a.max_entries: must be a power of two and a multiple of 4096 for"
                " user_ringbuf (seen 512); use 4096"
            ),
            id="size-below-a-page",
        ),
        pytest.param(
            'type = "lru_hash"\nkey = "u8"\nvalue = "u8"\nmax_entries = 1\nflags = ["no_prealloc"]',
            (
                'ebpf.toml:14: maps.a.flags[0]: lru_hash does not take it (seen "no_prealloc"); for:'
                " cgrp_storage, hash, hash_of_maps, inode_storage, lpm_trie, percpu_hash, rhash, sk_storage,"
                " task_storage"
            ),
            id="flag-of-other-maps",
        ),
        pytest.param(
            'type = "array"\nvalue = "u8"\nmax_entries = 1\nflags = ["inner_map",\n"inner_map"]',
            'ebpf.toml:14: maps.a.flags[1]: named twice (seen "inner_map"); remove one',
            id="flag-twice",
        ),
        pytest.param(
            'type = "array"\nvalue = "u8"\nmax_entries = 1\nflags = ["rdonly_prog", "wronly_prog"]',
            (
                'ebpf.toml:13: maps.a.flags: the kernel takes one of them (seen "rdonly_prog" and'
                ' "wronly_prog"); remove one'
            ),
            id="flags-that-are-opposites",
        ),
        pytest.param(
            'type = "hash"\nkey = "u8"\nvalue = "u8"\nmax_entries = 1\ninner = "shape"',
            'ebpf.toml:14: maps.a.inner: hash has none (seen "shape"); remove it',
            id="inner-map-of-a-hash",
        ),
        pytest.param(
            'type = "array_of_maps"\nmax_entries = 1',
            (
                "ebpf.toml:9: maps.a.inner: required for array_of_maps;"
                " name the declared map that inner maps look like"
            ),
            id="no-inner-map",
        ),
        pytest.param(
            'type = "array_of_maps"\nmax_entries = 1\ninner = "shap"\n' + SHAPE,
            'ebpf.toml:12: maps.a.inner: no such map is declared (seen "shap"); did you mean "shape"?',
            id="inner-map-misspelt",
        ),
        pytest.param(
            'type = "hash_of_maps"\nkey = "u8"\nmax_entries = 1\ninner = "flows"',
            'ebpf.toml:13: maps.a.inner: no such map is declared (seen "flows"); declare it as [maps.flows]',
            id="inner-map-not-declared",
        ),
        pytest.param(
            'type = "array_of_maps"\nmax_entries = 1\ninner = "a"',
            (
                'ebpf.toml:12: maps.a.inner: array_of_maps cannot be inside another map (seen "a");'
                " name a map of another type"
            ),
            id="map-inside-itself",
        ),
    ],
)
def test_a_map_that_no_kernel_would_create(problems_of: Problems, declared: str, problem: str) -> None:
    assert problems_of(f"{TYPES}[maps.a]\n{declared}\n") == [problem]
