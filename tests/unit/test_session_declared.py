"""From declarations to the options of a loader, and what a test says on top of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_ebpf.bpf import LoadOptions
from pytest_ebpf.bpf.loading.alternatives import Choice
from pytest_ebpf.bpf.loading.option_checks import check_given, check_names
from pytest_ebpf.bpf.loading.options import arguments
from pytest_ebpf.bpf.loading.seeds import FILLED
from pytest_ebpf.bpf.maps.kinds import PLAIN
from pytest_ebpf.errors import LoadError, UnsupportedError, UsageError
from pytest_ebpf.manifest import Manifest
from pytest_ebpf.manifest.values import SEEDED
from pytest_ebpf.objects import MapFacts, ObjectFacts, ProgramFacts
from pytest_ebpf.session.declared import declared_options
from pytest_ebpf.session.ebpf import _merged, check_groups
from pytest_ebpf.uapi import MapType

Read = Callable[[str], Manifest]

TEXT = """
    [types.event]
    struct = { pid = "u32" }
    [types.stage]
    enum = { FILTER = 0, COUNT = 3 }
    [maps.events]
    type = "ringbuf"
    max_entries = 4096
    records = "event"
    [maps.addresses]
    type = "perf_event_array"
    records = "ipv4"
    [maps.limits]
    type = "hash"
    key = "u8"
    value = "u32"
    max_entries = 4
    contents = [{ key = 1, value = 10 }, { key = 2, value = 20 }]
    pin = true
    [maps.waiting]
    type = "queue"
    value = "u32"
    max_entries = 4
    contents = [{ value = 7 }]
    [maps.stages]
    type = "prog_array"
    max_entries = 4
    entries = { COUNT = "counter", 1 = "elsewhere" }
    [maps.unused]
    type = "array"
    value = "u32"
    max_entries = 1
    contents = [{ key = 0, value = 1 }]
    [objects.tool]
    path = "tool.o"
    modules = ["veth"]
    alternatives.counter = ["count_new", "count_old"]
    [objects.tool.programs]
    count_new = { hook = "fentry", target = "tcp_connect" }
    count_old = { hook = "kprobe", attach = { function = "tcp_connect" } }
    idle = { hook = "xdp", autoload = false, kernels = ">=6.4" }
    [objects.tool.load]
    max_entries = { limits = 8 }
    value_size = { other = 8 }
    globals = { debug = true }
    inner = { tables = "table" }
    records = { log = "struct entry" }
    [objects.other]
    path = "other.o"
    programs.elsewhere = { hook = "xdp" }
"""


def program(name: str) -> ProgramFacts:
    return ProgramFacts(name, "xdp", None, None, None, True, 2, 2, 16, None, ())


def facts(*maps: str) -> ObjectFacts:
    return ObjectFacts(
        path=Path("tool.o"),
        license="GPL",
        big_endian=False,
        has_btf=True,
        programs=tuple(map(program, ("count_new", "count_old", "idle"))),
        maps=tuple(MapFacts(name, MapType.ARRAY, "array", 4, 4, 1, 0) for name in maps),
        globals=(),
        relocations=(),
        btf=None,
    )


TOOL = facts("events", "addresses", "limits", "waiting", "stages")


@pytest.fixture
def options(manifest_of: Read) -> LoadOptions:
    return declared_options(manifest_of(TEXT), "tool", TOOL)


def test_all_that_is_declared(options: LoadOptions) -> None:
    assert options == LoadOptions(
        globals={"debug": True},
        autoload={"count_new": True, "count_old": True, "idle": False},
        max_entries={"limits": 8},
        value_size={"other": 8},
        inner={"tables": "table"},
        records={"events": "struct event", "addresses": "ebpf_ipv4", "log": "struct entry"},
        attach={"count_old": {"function": "tcp_connect"}},
        targets={"count_new": "tcp_connect"},
        alternatives={"counter": ("count_new", "count_old")},
        modules=("veth",),
        declared_for={"idle": ">=6.4"},
        pin={"limits": True},
        contents={"limits": [(1, 10), (2, 20)], "waiting": [7]},
        entries={"stages": {3: "counter"}},
    )


def test_an_object_without_declarations(manifest_of: Read) -> None:
    bare = replace(TOOL, maps=(), programs=())
    found = declared_options(manifest_of(TEXT), "other", bare)
    assert found == LoadOptions(autoload={"elsewhere": True})


def test_what_a_test_says_stands_above_name_by_name(options: LoadOptions) -> None:
    said = _merged(options, {"max_entries": {"events": 8192}, "contents": {"limits": {}}, "modules": []})
    assert said["max_entries"] == {"limits": 8, "events": 8192}
    assert said["contents"] == {"limits": {}, "waiting": [7]}
    assert said["modules"] == []


def test_pins_and_choices_as_the_agent_is_told(options: LoadOptions) -> None:
    given = replace(options, pin={"limits": True, "events": "/sys/fs/bpf/x", "waiting": False}, targets={})
    chosen = Choice({"counter": "count_old"}).applied(given)
    told = arguments(b"elf", TOOL, "tool", chosen, {})
    assert told["programs"] == {
        "count_new": {"autoload": False},
        "count_old": {"autoload": True},
        "idle": {"autoload": False},
    }
    assert told["maps"] == {
        "limits": {"max_entries": 8, "pin": "/sys/fs/bpf/limits"},
        "other": {"value_size": 8},
        "tables": {"inner": "table"},
        "events": {"pin": "/sys/fs/bpf/x"},
    }
    assert chosen.alternatives == {"counter": ("count_old",)}


@pytest.mark.parametrize(
    ("name", "told"), [("x" * 64, "x" * 63), ("x" * 62 + "\N{EURO SIGN}", "x" * 62), ("\udcff", "?")]
)
def test_the_agent_is_told_as_much_of_a_name_as_it_takes(name: str, told: str) -> None:
    """Objects are called as their files, which may have longer names, and some that are no UTF-8."""
    assert arguments(b"elf", TOOL, name, LoadOptions(), {})["name"] == told


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"alternatives": {"counter": ["count_nwe"]}},
            'alternatives: has no program "count_nwe"; did you mean "count_new"?',
        ),
        ({"pin": {"limit": True}}, 'pin: has no map "limit"; did you mean "limits"?'),
        ({"contents": {"limit": {}}}, 'contents: has no map "limit"; did you mean "limits"?'),
        ({"entries": {"stage": []}}, 'entries: has no map "stage"; did you mean "stages"?'),
        (
            {"entries": {"stages": ["count"]}},
            'entries: has no program "count"; did you mean "count_old"?',
        ),
    ],
)
def test_names_that_the_object_does_not_have(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_names("tool", TOOL, LoadOptions(**wrong))  # type: ignore[arg-type]
    assert str(caught.value) == f"tool: {said}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"contnets": {}}, 'load: no option "contnets"; did you mean "contents"?'),
        ({"declared_for": {}}, 'load: no option "declared_for"; known: alternatives, attach, '),
        ({"globals": 5}, 'globals: not by name (5); give a mapping: {"name": ...}'),
        ({"contents": []}, 'contents: not by name ([]); give a mapping: {"name": ...}'),
        ({"contents": {"m": 5}}, "contents: m: not a mapping, pairs or values (5)"),
        ({"modules": "nf_nat"}, "modules: not a list of names ('nf_nat'); write [\"name\"]"),
        ({"autoload": {"p": "no"}}, "autoload: p: not True or False ('no')"),
        ({"max_entries": {"m": 0}}, "max_entries: m: not a number from 1 to 4294967295 (0)"),
        (
            {"value_size": {"m": 1 << 32}},
            "value_size: m: not a number of bytes from 1 to 4294967295 (4294967296)",
        ),
        ({"perf_pages": {"m": -1}}, "perf_pages: m: not a number of pages (-1)"),
        ({"inner": {"m": None}}, "inner: m: not the name of a map (None)"),
        ({"records": {"m": 5}}, "records: m: not the name of a type (5)"),
        ({"attach": {"p": 5}}, "attach: p: not a mapping of settings (5)"),
        ({"targets": {"p": 5}}, "targets: p: not the name of a function, or a program (5)"),
        ({"alternatives": {"g": []}}, "alternatives: g: not a list of programs ([])"),
        ({"alternatives": {"g": "p"}}, "alternatives: g: not a list of programs ('p')"),
        (
            {"pin": {"m": "/tmp/m"}},
            "pin: m: not True, False, or a path that begins with /sys/fs/bpf/ ('/tmp/m')",
        ),
        ({"reuse": {"m": 5}}, "reuse: m: not a map of another object (5)"),
        (
            {"entries": {"m": "p"}},
            "entries: m: not a list of programs, or a mapping from keys to programs ('p')",
        ),
    ],
    ids=str,
)
def test_what_is_given_otherwise_than_an_option_takes_it(given: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_given("tool", given)
    assert str(caught.value).startswith(f"tool: {said}")


def test_what_options_take() -> None:
    sizes = {"max_entries": {"m": 1}, "value_size": {"m": 8}, "perf_pages": {"m": 0}}
    names = {"inner": {"m": "n"}, "records": {"m": "t"}, "alternatives": {"g": ("p",)}, "modules": ["nf_nat"]}
    placed = {"pin": {"m": True, "n": "/sys/fs/bpf/n"}, "entries": {"m": ["p"], "n": {1: "p"}}}
    check_given(
        "tool", {**sizes, **names, **placed, "contents": {"m": [1], "n": {}}, "globals": {"v": object()}}
    )


def test_what_can_have_contents_in_a_manifest_can_be_filled() -> None:
    assert [kind for kind in SEEDED if not issubclass(PLAIN[kind], FILLED)] == []


def test_an_entry_may_be_a_group(options: LoadOptions) -> None:
    given = LoadOptions(alternatives=options.alternatives, entries=options.entries)
    check_names("tool", TOOL, given)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            LoadError("refused", where="tool: count_old", program="count_old"),
            "tool: count_old: refused; tried before: count_new: no fentry",
        ),
        (
            UnsupportedError("no kprobes", where="tool: count_old", hint="guard it"),
            "tool: count_old: no kprobes; guard it; tried before: count_new: no fentry",
        ),
        (LoadError("refused", where="tool: idle", program="idle"), "tool: idle: refused"),
    ],
)
def test_an_error_of_the_last_alternative_tells_of_those_before(
    options: LoadOptions, error: LoadError | UnsupportedError, said: str
) -> None:
    Choice({"counter": "count_old"}, {"count_new": "no fentry"}).explain(error, options)
    assert str(error) == said


def test_a_group_of_alternatives_that_is_not_declared():
    declared = {"watch": ["opened", "syscall_ended"]}
    check_groups("opensnoop", declared, {"watch": ["opened"], "more": ["closed"]})
    with pytest.raises(UsageError) as caught:
        check_groups("opensnoop", declared, {"wach": ["syscall_ended"]})
    assert str(caught.value) == 'opensnoop: alternatives: has no group "wach"; did you mean "watch"?'
