"""What maps hold from the start, and the programs in them: what fits, and what does not, to the letter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_ebpf.manifest import Manifest
from pytest_ebpf.manifest.maprules import TYPE_NAMES

Read = Callable[[str], Manifest]
Problems = Callable[[str], list[str]]

TYPES = """\
[types.action]
enum = ["PASS", "DROP"]
[types.rule]
struct = { action = "action", hits = "u64[2]", from = "place" }
[types.place]
union = { four = "ipv4", six = "ipv6" }
[maps.a]
"""


@pytest.mark.parametrize(
    ("declared", "contents"),
    [
        (
            'type = "hash"\nkey = "ipv4"\nvalue = "rule"\nmax_entries = 4',
            '{ key = "10.0.0.1", value = { action = "DROP", hits = [1, 2], from = { six = "::1" } } }',
        ),
        (
            'type = "hash"\nkey = "place"\nvalue = "u8"\nmax_entries = 4',
            "{ key = { four = '10.0.0.1' }, value = 1 }",
        ),
        ('type = "array"\nvalue = "rule"\nmax_entries = 2', "{ key = 1, value = {} }"),
        ('type = "array"\nvalue = "rule[2]"\nmax_entries = 2', "{ key = 0, value = [{ action = 1 }, {}] }"),
        ('type = "percpu_array"\nvalue = "u64"\nmax_entries = 1', "{ key = 0, value = [1, 2] }"),
        (
            'type = "percpu_array"\nvalue = "rule"\nmax_entries = 1',
            '{ key = 0, value = { action = "DROP" } }',
        ),
        ('type = "percpu_hash"\nkey = "u8"\nvalue = "u8[2]"\nmax_entries = 1', "{ key = 0, value = [1, 2] }"),
        (
            'type = "lpm_trie"\nkey = "ipv4_prefix"\nvalue = "u8"\nmax_entries = 4\nflags = ["no_prealloc"]',
            '{ key = "10.0.0.0/8", value = 1 }',
        ),
        ('type = "queue"\nvalue = "rule"\nmax_entries = 4', "{ value = {} }, { value = {} }"),
        ('type = "bloom_filter"\nvalue = "ipv4"\nmax_entries = 4', '{ value = "10.0.0.1" }'),
        ('type = "devmap"\nmax_entries = 4', "{ key = 3, value = 1 }"),
    ],
)
def test_what_a_map_can_hold(manifest_of: Read, declared: str, contents: str) -> None:
    manifest = manifest_of(f"{TYPES}{declared}\ncontents = [{contents}]\n")
    assert len(manifest.maps["a"].contents) == contents.count("value =")


def test_arrays_are_tuples_and_structs_tables(manifest_of: Read) -> None:
    contents = "contents = [{ key = 0, value = { hits = [1, 2] } }]"
    declared = "type = 'array'\nvalue = 'rule'\nmax_entries = 1\n"
    (entry,) = manifest_of(TYPES + declared + contents).maps["a"].contents
    assert (entry.key, entry.value) == (0, {"hits": (1, 2)})


ARRAY = 'type = "array"\nvalue = "rule"\nmax_entries = 2\ncontents = '


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        (
            ARRAY + "3",
            "ebpf.toml:14: maps.a.contents: must be an array (seen 3)",
        ),
        (
            ARRAY + "[{ key = 0 }]",
            "ebpf.toml:14: maps.a.contents[0].value: required key is missing; add it to [maps.a.contents[0]]",
        ),
        (
            ARRAY + "[{ key = 0, valeu = 1, value = {} }]",
            'ebpf.toml:14: maps.a.contents[0].valeu: unknown key; did you mean "value"?',
        ),
        (
            ARRAY + "[{ key = 0, value = 1.5 }]",
            (
                "ebpf.toml:14: maps.a.contents[0].value:"
                " must be a number, a boolean, a string, an array or a table (seen 1.5)"
            ),
        ),
        (
            ARRAY + "[{ value = {} }]",
            "ebpf.toml:14: maps.a.contents[0].key: required for array; add key = ...",
        ),
        (
            ARRAY + "[{ key = 2, value = {} }]",
            "ebpf.toml:14: maps.a.contents[0].key: beyond the last key, 1 (seen 2); make max_entries larger",
        ),
        (
            ARRAY + '[{ key = "x", value = {} }]',
            'ebpf.toml:14: maps.a.contents[0].key: must be a whole number for u32 (seen "x")',
        ),
        (
            ARRAY + "[\n{ key = 0, value = {} },\n{ key = 0, value = {} }]",
            "ebpf.toml:16: maps.a.contents[1].key: named twice (seen 0); remove one",
        ),
        (
            ARRAY + "[{ key = 0, value = 7 }]",
            "ebpf.toml:14: maps.a.contents[0].value: must be a table for rule (seen 7)",
        ),
        (
            ARRAY + "[{ key = 0, value = { acton = 7 } }]",
            'ebpf.toml:14: maps.a.contents[0].value.acton: rule has no field "acton"; did you mean "action"?',
        ),
        (
            ARRAY + '[{ key = 0, value = { action = "DRPO" } }]',
            (
                'ebpf.toml:14: maps.a.contents[0].value.action: not a constant of action (seen "DRPO");'
                ' did you mean "DROP"?'
            ),
        ),
        (
            ARRAY + "[{ key = 0, value = { hits = [1, -1] } }]",
            (
                "ebpf.toml:14: maps.a.contents[0].value.hits:"
                " does not fit u64 (seen -1); u64 holds 0 to 18446744073709551615"
            ),
        ),
        (
            ARRAY + "[{ key = 0, value = { from = {} } }]",
            (
                "ebpf.toml:14: maps.a.contents[0].value.from:"
                " needs exactly one member of the union place (seen 0)"
            ),
        ),
        (
            'type = "array"\nvalue = "rule[2]"\nmax_entries = 2\ncontents = [{ key = 0, value = [{}] }]',
            "ebpf.toml:14: maps.a.contents[0].value: must be an array of 2 for rule[2] (seen an array of 1)",
        ),
        (
            'type = "queue"\nvalue = "u8"\nmax_entries = 2\ncontents = [{ key = 0, value = 1 }]',
            "ebpf.toml:14: maps.a.contents[0].key: queue has none (seen 0); remove it",
        ),
        (
            'type = "queue"\nvalue = "u8"\nmax_entries = 1\ncontents = [{ value = 1 }, { value = 1 }]',
            "ebpf.toml:14: maps.a.contents: more than max_entries, 1 (seen 2); make max_entries larger",
        ),
        (
            'type = "percpu_array"\nvalue = "u8"\nmax_entries = 1\ncontents = [{key = 0, value = [1, 256]}]',
            "ebpf.toml:14: maps.a.contents[0].value[1]: does not fit u8 (seen 256); u8 holds 0 to 255",
        ),
        (
            'type = "ringbuf"\nmax_entries = 4096\ncontents = [{ value = 1 }]',
            "ebpf.toml:13: maps.a.contents: ringbuf has none that can be written here (seen 1); remove it",
        ),
        (
            'type = "prog_array"\nmax_entries = 1\ncontents = [{ key = 0, value = 1 }]',
            (
                "ebpf.toml:13: maps.a.contents: prog_array has none that can be written here (seen 1);"
                ' name its programs in "entries"'
            ),
        ),
        (
            'type = "hash"\nkey = "u8"\nvalue = "u8"\nmax_entries = 1\nrecords = "rule"',
            'ebpf.toml:15: maps.a.records: hash has none (seen "rule"); remove it',
        ),
        (
            'type = "ringbuf"\nmax_entries = 4096\nrecords = "rul"',
            'ebpf.toml:13: maps.a.records: unknown type (seen "rul"); did you mean "rule"?',
        ),
        (
            'type = "ringbuf"\nmax_entries = 4096\nrecords = "rule[2]"',
            (
                'ebpf.toml:13: maps.a.records: must be the type of one record (seen "rule[2]");'
                " declare a struct with the array in it"
            ),
        ),
        (
            'type = "ringbuf"\nmax_entries = 4096\npin = 1',
            "ebpf.toml:13: maps.a.pin: must be true, false or a path (seen 1)",
        ),
        (
            'type = "ringbuf"\nmax_entries = 4096\npin = "/tmp/x"',
            (
                'ebpf.toml:13: maps.a.pin: not a path below /sys/fs/bpf/ (seen "/tmp/x");'
                ' as in "/sys/fs/bpf/counts"'
            ),
        ),
    ],
)
def test_what_a_map_cannot_hold(problems_of: Problems, declared: str, problem: str) -> None:
    assert problems_of(TYPES + declared) == [problem]


def test_every_type_of_map_can_hold_something_or_says_that_it_cannot(problems_of: Problems) -> None:
    cannot = {"perf_event_array", "stack_trace", "sockmap", "xskmap", "cgroup_array", "task_storage", "arena"}
    assert cannot <= set(TYPE_NAMES)
    for name in cannot:
        said = problems_of(f'{TYPES}type = "{name}"\nvalue = "u64"\ncontents = [{{ key = 0, value = 1 }}]')
        assert any("has none that can be written here (seen 1); remove it" in line for line in said)


STAGES = """\
[types.stage]
enum = {{ FILTER = 0, COUNT = 3 }}
[maps.stages]
type = "prog_array"
max_entries = 4
entries = {entries}
[objects.fw]
path = "fw.o"
programs.filter = {{ hook = "xdp" }}
programs.count = {{ hook = "xdp" }}
programs.count_old = {{ hook = "xdp" }}
alternatives.counter = ["count", "count_old"]
"""


@pytest.mark.parametrize(
    ("entries", "read"),
    [
        ('["filter", "count"]', ("filter", "count")),
        ('{ 0 = "filter", 3 = "counter" }', {"0": "filter", "3": "counter"}),
        ('{ FILTER = "filter", COUNT = "count" }', {"FILTER": "filter", "COUNT": "count"}),
    ],
)
def test_programs_in_a_map(manifest_of: Read, entries: str, read: object) -> None:
    assert manifest_of(STAGES.format(entries=entries)).maps["stages"].entries == read


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (
            "3",
            (
                ': must be an array or a table of programs (seen 3); write entries = ["parse", "filter"],'
                ' or { 0 = "parse" }'
            ),
        ),
        (
            "[1]",
            (
                ": must be an array or a table of programs (seen an array of 1);"
                ' write entries = ["parse", "filter"], or { 0 = "parse" }'
            ),
        ),
        ('["fliter"]', '[0]: no such program is declared (seen "fliter"); did you mean "filter"?'),
        ('{ 4 = "filter" }', ".4: beyond the last key, 3 (seen 4); make max_entries larger"),
        (
            '{ 3 = "filter", COUNT = "count" }',
            '.COUNT: the same key as "3" (seen "COUNT"); remove one',
        ),
        (
            '{ FLTER = "filter" }',
            '.FLTER: not a key (seen "FLTER"); write a number, or a constant of a declared enum',
        ),
    ],
)
def test_programs_that_a_map_cannot_hold(problems_of: Problems, entries: str, said: str) -> None:
    assert problems_of(STAGES.format(entries=entries)) == [f"ebpf.toml:9: maps.stages.entries{said}"]


def test_only_a_prog_array_holds_programs(problems_of: Problems) -> None:
    said = problems_of('[maps.a]\ntype = "ringbuf"\nmax_entries = 4096\nentries = ["x"]')
    assert said == ["ebpf.toml:7: maps.a.entries: ringbuf holds no programs (seen 1); remove it"]
