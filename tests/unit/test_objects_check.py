"""A built object against its declaration: every difference is a located sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_ebpf import hooks
from pytest_ebpf.objects import GlobalFacts, MapFacts, ObjectFacts, ProgramFacts
from pytest_ebpf.objects.check import differences
from pytest_ebpf.uapi import MapType

TEXT = """
    [types.rule]
    struct = { action = "u32", hits = "u64" }

    [globals.limit]
    type = "u32"
    value = 1000

    [maps.blocked]
    type = "lpm_trie"
    key = "ipv4_prefix"
    value = "rule"
    max_entries = 4096
    flags = ["no_prealloc"]

    [maps.stats]
    type = "array"
    value = "u64"
    max_entries = 1

    [maps.events]
    type = "ringbuf"
    max_entries = 4096

    [maps.outer]
    type = "array_of_maps"
    max_entries = 2
    inner = "stats"

    [objects.edge]
    path = "edge.bpf.o"
    maps = ["blocked", "stats", "events", "outer"]
    globals = ["limit"]
    programs.ingress = { hook = "xdp" }
    programs.shaper = { hook = "tc" }
    programs.traced = { hook = "kprobe/do_exit" }
    programs.odd = { hook = "xdp", section = "my_section" }
"""


def program(name: str, section: str) -> ProgramFacts:
    hook = hooks.parse(section)
    return ProgramFacts(
        name=name,
        section=section,
        hook=hook,
        prog_type=int(hook.kind.prog_type) if hook else None,
        attach_type=None,
        autoload=True,
        instructions=2,
        total_instructions=2,
        size=16,
        source=None,
        subprograms=(),
    )


def built_map(name: str, kind: MapType, sizes: tuple[int, int], entries: int, flags: int = 0) -> MapFacts:
    return MapFacts(name, int(kind), kind.name.lower(), *sizes, entries, flags)


STATS = built_map("stats", MapType.ARRAY, (4, 8), 1)
BLOCKED = built_map("blocked", MapType.LPM_TRIE, (8, 16), 4096, 1)
EVENTS = built_map("events", MapType.RINGBUF, (0, 0), 4096)
OUTER = replace(built_map("outer", MapType.ARRAY_OF_MAPS, (4, 4), 2), inner=STATS)
LIMIT = GlobalFacts("limit", ".rodata", "__u32", 3, 0, 4, constant=True, initial=b"\1\0\0\0")

PROGRAMS = {
    "ingress": program("ingress", "xdp"),
    "shaper": program("shaper", "classifier"),
    "traced": program("traced", "kprobe/do_exit"),
    "odd": program("odd", "my_section"),
}
MAPS = {each.name: each for each in (BLOCKED, STATS, EVENTS, OUTER)}

FACTS = ObjectFacts(
    path=Path("build/edge.bpf.o"),
    license="GPL",
    big_endian=False,
    has_btf=True,
    programs=tuple(PROGRAMS.values()),
    maps=tuple(MAPS.values()),
    globals=(LIMIT,),
    relocations=(),
    btf=None,
)


@pytest.fixture
def said(manifest_of):
    """What is said of an object that is as declared but for some programs, maps and globals."""
    manifest = manifest_of(TEXT)

    def check(**changed: ProgramFacts | MapFacts | GlobalFacts | None) -> list[str]:
        def changes(known):
            return tuple(each for each in (changed.get(name, was) for name, was in known.items()) if each)

        facts = replace(
            FACTS, programs=changes(PROGRAMS), maps=changes(MAPS), globals=changes({"limit": LIMIT})
        )
        return [str(each) for each in differences(manifest, "edge", facts)]

    return check


def test_an_object_as_declared(said):
    assert said() == []


def test_what_nobody_declared_is_no_difference(said, manifest_of):
    more = replace(FACTS, programs=(*FACTS.programs, program("other", "xdp")))
    assert differences(manifest_of(TEXT), "edge", more) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"ingress": program("ingres", "xdp")},
            (
                "ebpf.toml:36: objects.edge.programs.ingress: no program ingress in edge.bpf.o;"
                ' did you mean "ingres"?'
            ),
        ),
        (
            {"ingress": None},
            (
                "ebpf.toml:36: objects.edge.programs.ingress: no program ingress in edge.bpf.o;"
                " it has shaper, traced, odd"
            ),
        ),
        (
            {"ingress": program("ingress", "tc")},
            (
                "ebpf.toml:36: objects.edge.programs.ingress: declared in section xdp, built in tc;"
                " correct the declaration or the source"
            ),
        ),
        (
            {"traced": program("traced", "kretprobe/do_exit")},
            (
                "ebpf.toml:38: objects.edge.programs.traced: declared in section kprobe/do_exit,"
                " built in kretprobe/do_exit; correct the declaration or the source"
            ),
        ),
        (
            {"odd": program("odd", "xdp")},
            (
                "ebpf.toml:39: objects.edge.programs.odd: declared in section my_section, built in xdp;"
                " correct the declaration or the source"
            ),
        ),
        (
            {"stats": None},
            "ebpf.toml:18: maps.stats: no map stats in edge.bpf.o; it has blocked, events, outer",
        ),
        (
            {"stats": replace(STATS, type=1, type_name="hash")},
            (
                "ebpf.toml:19: maps.stats.type: declared array, built hash in edge.bpf.o;"
                " correct the declaration or the source"
            ),
        ),
        (
            {"blocked": replace(BLOCKED, key_size=20)},
            (
                "ebpf.toml:13: maps.blocked.key: declared ipv4_prefix (8 bytes), built 20 bytes"
                " in edge.bpf.o; correct the declaration or the source"
            ),
        ),
        (
            {"blocked": replace(BLOCKED, value_size=12)},
            (
                "ebpf.toml:14: maps.blocked.value: declared rule (16 bytes), built 12 bytes in edge.bpf.o;"
                " correct the declaration or the source"
            ),
        ),
        (
            {"events": replace(EVENTS, key_size=4)},
            (
                "ebpf.toml:23: maps.events.key: declared none, built 4 bytes in edge.bpf.o;"
                " correct the declaration or the source"
            ),
        ),
        (
            {"blocked": replace(BLOCKED, max_entries=8)},
            (
                "ebpf.toml:15: maps.blocked.max_entries: declared 4096, built 8 in edge.bpf.o;"
                " correct the declaration or the source"
            ),
        ),
        (
            {"blocked": replace(BLOCKED, flags=(1 << 30) + 8)},
            (
                "ebpf.toml:16: maps.blocked.flags: declared no_prealloc, built rdonly and 0x40000000"
                " in edge.bpf.o; correct the declaration or the source"
            ),
        ),
        (
            {"blocked": replace(BLOCKED, flags=0)},
            (
                "ebpf.toml:16: maps.blocked.flags: declared no_prealloc, built none in edge.bpf.o;"
                " correct the declaration or the source"
            ),
        ),
        (
            {"outer": replace(OUTER, inner=replace(STATS, value_size=4))},
            (
                "ebpf.toml:30: maps.outer.inner: value of stats: declared u64 (8 bytes), built 4 bytes"
                " in edge.bpf.o; correct the declaration or the source"
            ),
        ),
        (
            {"limit": None},
            "ebpf.toml:7: globals.limit: no global limit in edge.bpf.o; it has none",
        ),
        (
            {"limit": replace(LIMIT, size=8)},
            (
                "ebpf.toml:8: globals.limit.type: declared u32 (4 bytes), built 8 bytes in edge.bpf.o;"
                " correct the declaration or the source"
            ),
        ),
        (
            {"limit": replace(LIMIT, section=".data", constant=False)},
            (
                "ebpf.toml:7: globals.limit.const: declared const, built in .data of edge.bpf.o;"
                " make it const volatile, or const = false"
            ),
        ),
    ],
)
def test_a_difference_is_told(said, changed, message):
    assert said(**changed) == [message]


def test_all_differences_come_at_once(said):
    assert len(said(ingress=None, stats=None, limit=None, events=replace(EVENTS, max_entries=8192))) == 4


def test_sizes_left_to_the_loader_are_no_difference(said):
    assert said(stats=replace(STATS, max_entries=0, key_size=0, value_size=0)) == []


def test_without_a_list_of_maps_those_that_are_there_are_compared(manifest_of):
    text = "\n".join(line for line in TEXT.splitlines() if "maps = [" not in line and "globals =" not in line)
    manifest = manifest_of(text)
    some = replace(FACTS, maps=(BLOCKED,), globals=())
    assert differences(manifest, "edge", some) == []
    wrong = replace(some, maps=(replace(BLOCKED, max_entries=1),))
    assert len(differences(manifest, "edge", wrong)) == 1
    assert len(differences(manifest, "edge", some, maps=["blocked", "stats"])) == 1


SETTINGS = """
    [objects.edge]
    path = "edge.bpf.o"
    programs.ingress = { hook = "iter/bpf_map_elem", attach = { map = "MAP" } }

    [objects.edge.load]
    max_entries = { MAP = 8 }
    value_size = { MAP = 8 }
    globals = { GLOBAL = 1 }
    inner = { outer = "MAP" }
    records = { MAP = "struct event" }
"""


def test_names_of_what_is_set_before_loading(manifest_of):
    facts = replace(FACTS, programs=(program("ingress", "iter/bpf_map_elem"),))
    right = SETTINGS.replace("MAP", "stats").replace("GLOBAL", "limit")
    assert differences(manifest_of(right), "edge", facts) == []
    wrong = SETTINGS.replace("MAP", "sttas").replace("GLOBAL", "limti")
    a_map = 'no map sttas in edge.bpf.o; did you mean "stats"?'
    assert [str(each) for each in differences(manifest_of(wrong), "edge", facts)] == [
        f"ebpf.toml:9: objects.edge.load.max_entries.sttas: {a_map}",
        f"ebpf.toml:10: objects.edge.load.value_size.sttas: {a_map}",
        f"ebpf.toml:13: objects.edge.load.records.sttas: {a_map}",
        'ebpf.toml:11: objects.edge.load.globals.limti: no global limti in edge.bpf.o; did you mean "limit"?',
        f"ebpf.toml:12: objects.edge.load.inner.outer: {a_map}",
        f"ebpf.toml:6: objects.edge.programs.ingress.attach.map: {a_map}",
    ]
