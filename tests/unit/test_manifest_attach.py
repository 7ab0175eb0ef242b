"""Where programs are attached, what stands in for what, what is set before loading: to the letter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_ebpf.manifest import Manifest

Read = Callable[[str], Manifest]
Problems = Callable[[str], list[str]]


def program(hook: str, **keys: str) -> str:
    said = "".join(f", {key} = {value}" for key, value in keys.items())
    return f'[objects.fw]\npath = "fw.o"\n[objects.fw.programs]\np = {{ hook = "{hook}"{said} }}\n'


@pytest.mark.parametrize(
    ("hook", "attach"),
    [
        ("xdp", '{ interface = "eth0", mode = "native" }'),
        ("tc/ingress", "{ interface = 2, priority = 10, handle = 1 }"),
        ("netfilter", '{ family = "ipv4", point = "local_in", priority = -100 }'),
        ("cgroup/connect4", '{ cgroup = "/sys/fs/cgroup/x" }'),
        ("kprobe", '{ function = "tcp_connect", offset = 4 }'),
        ("kprobe.multi", '{ functions = ["tcp_connect", "tcp_close"] }'),
        ("kprobe.multi/tcp_*", '{ pattern = "udp_*" }'),
        ("uprobe", '{ binary = "/bin/true", function = "main" }'),
        ("usdt", '{ binary = "/bin/x", provider = "p", name = "n" }'),
        ("perf_event", '{ type = "software", config = "cpu_clock", frequency = 100 }'),
        ("iter/bpf_map_elem", '{ map = "counts" }'),
        ("sk_msg", '{ map = "sockets" }'),
        ("fentry/x", "{ cookie = 7 }"),
    ],
)
def test_settings_of_an_attachment(manifest_of: Read, hook: str, attach: str) -> None:
    assert manifest_of(program(hook, attach=attach)).objects["fw"].programs["p"].attach


@pytest.mark.parametrize(
    ("hook", "attach", "said"),
    [
        ("xdp", "3", ": must be a table (seen 3)"),
        ("xdp", '{ interfcae = "eth0" }', '.interfcae: unknown key; did you mean "interface"?'),
        ("xdp", '{ cgroup = "/x" }', ".cgroup: xdp does not take it; it takes interface, mode, netns"),
        ("xdp", "{ interface = true }", ".interface: must be a string or a whole number (seen true)"),
        ("xdp", '{ interface = "" }', '.interface: must be a string or a whole number (seen "")'),
        ("xdp", '{ mode = "nativ" }', '.mode: unknown value (seen "nativ"); did you mean "native"?'),
        ("tc", '{ point = "local_in" }', '.point: unknown value (seen "local_in"); known: egress, ingress'),
        (
            "netfilter",
            '{ point = "ingress" }',
            (
                '.point: unknown value (seen "ingress"); '
                "known: forward, local_in, local_out, postrouting, prerouting"
            ),
        ),
        ("kprobe", '{ offset = "4" }', '.offset: must be a whole number (seen "4")'),
        ("kprobe.multi", '{ functions = "x" }', '.functions: must be an array of strings (seen "x")'),
        (
            "kprobe.multi",
            "{ functions = [] }",
            ".functions: must be an array of strings (seen an array of 0)",
        ),
        (
            "kprobe.multi",
            '{ functions = ["a"], pattern = "b" }',
            ": takes one of them (seen functions and pattern); remove one",
        ),
        ("socket", '{ socket = "x" }', ".socket: only a test has it; give it there: attach(socket=...)"),
        (
            "syscall",
            '{ function = "x" }',
            ": syscall programs are not attached by themselves; run it: programs.NAME.run(context=...)",
        ),
    ],
)
def test_settings_that_an_attachment_does_not_take(
    problems_of: Problems, hook: str, attach: str, said: str
) -> None:
    assert problems_of(program(hook, attach=attach)) == [f"ebpf.toml:7: objects.fw.programs.p.attach{said}"]


@pytest.mark.parametrize("hook", ["fentry", "fexit.s", "lsm", "freplace", "tp_btf", "iter"])
def test_a_program_is_loaded_for_a_function(manifest_of: Read, hook: str) -> None:
    assert manifest_of(program(hook, target='"tcp_connect"')).objects["fw"].programs["p"].target


def test_a_program_that_is_not_loaded_for_a_function(problems_of: Problems) -> None:
    assert problems_of(program("kprobe", target='"tcp_connect"')) == [
        (
            'ebpf.toml:7: objects.fw.programs.p.target: kprobe is not loaded for one (seen "tcp_connect");'
            " give it in attach, or as part of the hook"
        )
    ]


def test_flags_that_only_a_section_tells(problems_of: Problems, manifest_of: Read) -> None:
    assert manifest_of(program("xdp", section='"out"')).objects["fw"].programs["p"].section == "out"
    assert manifest_of(program("fentry.s/x", section='"?fentry.s/x"')).objects["fw"].programs["p"].section
    for hook in ("xdp.frags", "fentry.s/x"):
        assert problems_of(program(hook, section='"out"')) == [
            (
                f"ebpf.toml:7: objects.fw.programs.p.section: libbpf takes {hook.partition('/')[0]} from the "
                f'section alone (seen "out"); call the section "{hook}"'
            )
        ]


OPENED = """\
[objects.w]
path = "w.o"
alternatives = {groups}
[objects.w.programs]
new = {{ hook = "fentry/x" }}
old = {{ hook = "kprobe/x" }}
off = {{ hook = "kprobe/x", autoload = false }}
"""


def test_alternatives(manifest_of: Read) -> None:
    found = manifest_of(OPENED.format(groups='{ opened = ["new", "old"] }')).objects["w"]
    assert found.alternatives == {"opened": ("new", "old")}


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ("{ opened = [] }", ".opened: must not be empty (seen an array of 0)"),
        ('{ opened = ["nwe"] }', '.opened[0]: no such program is declared (seen "nwe"); did you mean "new"?'),
        ('{ opened = ["new", "new"] }', '.opened[1]: named twice (seen "new"); remove one'),
        ('{ new = ["old"] }', '.new: a program has this name already (seen "new"); choose another name'),
        ('{ opened = ["new", "off"] }', '.opened[1]: has autoload = false (seen "off"); remove one'),
        ('{ a = ["new"], b = ["new"] }', '.b[0]: a has it already (seen "new"); remove one'),
    ],
)
def test_alternatives_that_are_none(problems_of: Problems, groups: str, said: str) -> None:
    assert problems_of(OPENED.format(groups=groups)) == [f"ebpf.toml:6: objects.w.alternatives{said}"]


LOAD = """\
[types.rule]
struct = {{ hits = "u64" }}
[globals.limit]
type = "u32"
value = 1
[objects.w]
path = "w.o"
load = {load}
"""


def test_what_is_set_before_loading(manifest_of: Read) -> None:
    load = (
        "{ max_entries = { a = 1 }, value_size = { b = 8 }, globals = { limit = 5, other = { x = [1] } },"
        ' inner = { tables = "table" }, records = { ring = "struct event" } }'
    )
    found = manifest_of(LOAD.format(load=load)).objects["w"].load
    assert found.max_entries == {"a": 1}
    assert found.value_size == {"b": 8}
    assert found.globals == {"limit": 5, "other": {"x": (1,)}}
    assert found.inner == {"tables": "table"}
    assert found.records == {"ring": "struct event"}


@pytest.mark.parametrize(
    ("load", "said"),
    [
        ("{ max_entires = {} }", '.max_entires: unknown key; did you mean "max_entries"?'),
        ("{ max_entries = { a = 0 } }", ".max_entries.a: must be at least 1 (seen 0)"),
        ("{ value_size = { a = 'x' } }", '.value_size.a: must be a whole number (seen "x")'),
        ("{ inner = { a = 1 } }", ".inner.a: must be a string (seen 1); put it in quotes"),
        ("{ records = { a = '' } }", '.records.a: must not be empty (seen "")'),
        (
            "{ globals = { limit = -1 } }",
            ".globals.limit: does not fit u32 (seen -1); u32 holds 0 to 4294967295",
        ),
        (
            "{ globals = { other = 1.5 } }",
            ".globals.other: must be a number, a boolean, a string, an array or a table (seen 1.5)",
        ),
    ],
)
def test_what_cannot_be_set_before_loading(problems_of: Problems, load: str, said: str) -> None:
    assert problems_of(LOAD.format(load=load)) == [f"ebpf.toml:11: objects.w.load{said}"]


def test_modules(manifest_of: Read, problems_of: Problems) -> None:
    text = '[objects.w]\npath = "w.o"\nmodules = {}'
    assert manifest_of(text.format('["veth"]')).objects["w"].modules == ("veth",)
    assert problems_of(text.format('["veth", "veth"]')) == [
        'ebpf.toml:6: objects.w.modules[1]: named twice (seen "veth"); remove one'
    ]


def test_records_of_an_iterator(manifest_of: Read) -> None:
    types = '[types.task]\nstruct = { pid = "u32" }\n'
    declared = manifest_of(types + program("iter/task", records='"task"')).objects["fw"].programs["p"]
    assert str(declared.records) == "task"


@pytest.mark.parametrize(
    ("hook", "records", "problem"),
    [
        ("xdp", "u32", 'xdp programs write none (seen "u32"); give it to the map that they are sent by'),
        (
            "iter/task",
            "u32[4]",
            'must be the type of one record (seen "u32[4]"); declare a struct with the array in it',
        ),
        ("iter/task", "u23", 'unknown type (seen "u23"); did you mean "u32"?'),
    ],
)
def test_records_that_are_none(problems_of: Problems, hook: str, records: str, problem: str) -> None:
    (found,) = problems_of(program(hook, records=f'"{records}"'))
    assert found.endswith(f"programs.p.records: {problem}")
