"""Declarations that do not fit together: types, globals, objects, files, names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_ebpf.manifest import Manifest

Read = Callable[[str], Manifest]
Problems = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        pytest.param(
            '[types.rule]\nstruct = { hits = "u46" }',
            ['ebpf.toml:5: types.rule.struct.hits: unknown type (seen "u46"); did you mean "u64"?'],
            id="unknown-type",
        ),
        pytest.param(
            '[types.a]\nunion = {\nx = "u8",\ny = "zzz[4]" }',
            ['ebpf.toml:7: types.a.union.y: unknown type (seen "zzz[4]"); declare it as [types.zzz]'],
            id="unknown-type-like-no-other",
        ),
        pytest.param(
            '[types.a]\nstruct = { x = "int[4]" }',
            ['ebpf.toml:5: types.a.struct.x: unknown type (seen "int[4]"); did you mean "s32[4]"?'],
            id="type-of-c",
        ),
        pytest.param(
            '[types.node]\nstruct = { next = "node" }',
            ["ebpf.toml:4: types.node: a type contains itself (seen node -> node); break the circle"],
            id="type-in-itself",
        ),
        pytest.param(
            '[types]\na = { struct = { x = "u8", y = "b[2]" } }\n'
            'b = { union = { z = "c" } }\nc = { struct = { w = "a" } }',
            ["ebpf.toml:5: types.a: a type contains itself (seen a -> b -> c -> a); break the circle"],
            id="circle-told-once",
        ),
        pytest.param(
            '[types]\na = { struct = { x = "b", y = "c" } }\n'
            'b = { struct = { z = "c" } }\nc = { struct = { w = "c" } }',
            ["ebpf.toml:7: types.c: a type contains itself (seen c -> c); break the circle"],
            id="circle-told-where-it-is",
        ),
    ],
)
def test_a_type(problems_of: Problems, text: str, problems: list[str]) -> None:
    assert problems_of(text) == problems


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("u8", "255"),
        ("s8", "-128"),
        ("u64", "18446744073709551615"),
        ("be16", "65535"),
        ("bool", "true"),
        ("char", '"x"'),
        ("char", "-1"),
        ("char[4]", '"abc"'),
        ("char[4]", '"\u00e9"'),
        ("char[2][4]", '["abc", ""]'),
        ("u8[3]", "[1, 2, 3]"),
        ("u16[2][2]", "[[1, 2], [3, 4]]"),
        ("ipv4", '"192.0.2.1"'),
        ("ipv6", '"2001:db8::1"'),
        ("mac", '"02:00:5e:10:00:0A"'),
        ("ipv4_prefix", '"10.0.0.0/8"'),
        ("ipv6_prefix", '"2001:db8::/32"'),
        ("action", '"DROP"'),
        ("action", "7"),
        ("action[2]", '["PASS", "DROP"]'),
    ],
)
def test_a_global_of_every_type(manifest_of: Read, type_: str, value: str) -> None:
    types = "[types]\naction = { enum = { PASS = 0, DROP = 7 } }"
    text = f'{types}\n[globals.g]\ntype = "{type_}"\nvalue = {value}'
    assert str(manifest_of(text).globals["g"].type) == type_


@pytest.mark.parametrize(
    ("type_", "value", "said"),
    [
        ("u46", "1", 'ebpf.toml:8: globals.g.type: unknown type (seen "u46"); did you mean "u64"?'),
        ("u8", "256", "value: does not fit u8 (seen 256); u8 holds 0 to 255"),
        ("s16", "-32769", "value: does not fit s16 (seen -32769); s16 holds -32768 to 32767"),
        ("be16", "65536", "value: does not fit be16 (seen 65536); be16 holds 0 to 65535"),
        ("u8", "true", "value: must be a whole number for u8 (seen true)"),
        ("u8", '"1"', 'value: must be a whole number for u8 (seen "1")'),
        ("bool", "1", "value: not true or false (seen 1)"),
        ("char", '"ab"', 'value: not one character (seen "ab")'),
        (
            "char[3]",
            '"abc"',
            "value: does not fit char[3] with its final zero (3 bytes); use char[4] or more",
        ),
        ("u8[2]", "[1]", "value: must be an array of 2 for u8[2] (seen an array of 1)"),
        ("u8[2]", "1", "value: must be an array of 2 for u8[2] (seen 1)"),
        ("u8[2]", "[1, 256]", "value: does not fit u8 (seen 256); u8 holds 0 to 255"),
        ("u8[1][2]", "[1]", "value: must be an array of 2 for u8[2] (seen 1)"),
        ("ipv4", '"10.0.0"', 'value: not an IPv4 address such as "192.0.2.1" (seen "10.0.0")'),
        ("ipv4", "1", 'value: not an IPv4 address such as "192.0.2.1" (seen 1)'),
        ("ipv6", '"10.0.0.1"', 'value: not an IPv6 address such as "2001:db8::1" (seen "10.0.0.1")'),
        ("mac", '"1"', 'value: not a MAC address such as "02:00:00:00:00:01" (seen "1")'),
        (
            "ipv4_prefix",
            '"10.0.0.1/8"',
            'value: not an IPv4 prefix such as "192.0.2.0/24" (seen "10.0.0.1/8")',
        ),
        ("ipv6_prefix", '"::1/8"', 'value: not an IPv6 prefix such as "2001:db8::/32" (seen "::1/8")'),
        ("action", '"PAS"', 'value: not a constant of action (seen "PAS"); did you mean "PASS"?'),
        ("action", "9", "value: not a constant of action (seen 9); give its name"),
        ("action", "true", "value: not a constant of action (seen true); give its name"),
        (
            "rule",
            "1",
            (
                'value: a global of a struct or union has no value here (seen type "rule");'
                " declare one global for each field"
            ),
        ),
    ],
)
def test_a_global_that_cannot_hold_its_value(
    problems_of: Problems, type_: str, value: str, said: str
) -> None:
    text = f"""
        [types]
        action = {{ enum = ["PASS", "DROP"] }}
        rule = {{ struct = {{ hits = "u64" }} }}
        [globals.g]
        type = "{type_}"
        value = {value}
    """
    said = said if said.startswith("ebpf.toml") else f"ebpf.toml:9: globals.g.{said}"
    assert problems_of(text) == [said]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            '[objects.fw]\nsource = "src/fw.bpf.c"',
            (
                'ebpf.toml:5: objects.fw.source: no such file (seen "src/fw.bpf.c");'
                " write it, or correct the path; paths are relative to the manifest"
            ),
            id="source",
        ),
        pytest.param(
            '[build]\ntemplates = ["here",\n"there"]',
            (
                'ebpf.toml:6: build.templates[1]: no such folder (seen "there");'
                " make it, or correct the path; paths are relative to the manifest"
            ),
            id="templates",
        ),
        pytest.param(
            '[build]\ninclude = ["ebpf.toml"]',
            (
                'ebpf.toml:5: build.include[0]: no such folder (seen "ebpf.toml");'
                " make it, or correct the path; paths are relative to the manifest"
            ),
            id="include",
        ),
        pytest.param(
            '[objects.fw]\npath = "fw.o"\nmaps = ["stats"]',
            (
                'ebpf.toml:6: objects.fw.maps[0]: no such map is declared (seen "stats");'
                " declare it as [maps.stats]"
            ),
            id="map-not-declared",
        ),
        pytest.param(
            '[objects.fw]\npath = "fw.o"\nglobals = ["limi"]\n[globals]\nlimit = { type = "u8", value = 1 }',
            (
                'ebpf.toml:6: objects.fw.globals[0]: no such global is declared (seen "limi");'
                ' did you mean "limit"?'
            ),
            id="global-misspelt",
        ),
        pytest.param(
            '[objects.fw]\npath = "fw.o"\nmaps = ["a", "a"]\n[maps]\na = { type = "perf_event_array" }',
            'ebpf.toml:6: objects.fw.maps[1]: named twice (seen "a"); remove one',
            id="map-twice",
        ),
    ],
)
def test_an_object(problems_of: Problems, in_tmp: Path, text: str, problem: str) -> None:
    (in_tmp / "here").mkdir()
    assert problems_of(text) == [problem]


def test_an_object_that_another_build_makes_need_not_be_there_yet(manifest_of: Read) -> None:
    assert manifest_of('[objects.fw]\npath = "target/fw.o"').objects["fw"].path == "target/fw.o"


NAMES = """
[types.action]
enum = ["PASS"]
[types.fate]
enum = ["DROP", "{fate}"]
[maps.{map}]
type = "perf_event_array"
[globals.{global_}]
type = "u8"
value = 1
[objects.fw]
template = "xdp_count"
maps = []
programs.{program} = {{ hook = "xdp" }}
"""


@pytest.mark.parametrize(
    ("names", "where"),
    [
        ({"fate": "PASS"}, "7: types.fate.enum.PASS: types.action"),
        ({"map": "DROP"}, "8: maps.DROP: types.fate"),
        ({"global_": "PASS"}, "10: globals.PASS: types.action"),
        ({"map": "x", "global_": "x"}, "10: globals.x: maps.x"),
        ({"program": "PASS"}, "16: objects.fw.programs.PASS: types.action"),
        ({"program": "b"}, "16: objects.fw.programs.b: globals.b"),
    ],
)
def test_two_things_of_one_name(problems_of: Problems, names: dict[str, str], where: str) -> None:
    all_names = {"fate": "KEEP", "map": "a", "global_": "b", "program": "c", **names}
    name = where.split(": ")[1].rpartition(".")[2]
    problem = (
        f'ebpf.toml:{where} has this name already (seen "{name}"); '
        "C has one name space for constants, maps, globals and programs; rename one"
    )
    assert problems_of(NAMES.format(**all_names)) == [problem]


def test_a_program_may_have_the_name_of_a_map_that_its_object_does_not_use(
    manifest_of: Read,
) -> None:
    manifest = manifest_of(NAMES.format(fate="KEEP", map="a", global_="b", program="a"))
    assert "a" in manifest.objects["fw"].programs


def test_an_object_built_elsewhere_may_use_any_name(manifest_of: Read) -> None:
    text = NAMES.format(fate="KEEP", map="a", global_="b", program="PASS")
    assert manifest_of(text.replace('template = "xdp_count"', 'path = "fw.o"')).objects["fw"].path == "fw.o"
