"""All problems of a manifest come at once, and none that only follows from another."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_ebpf.errors import ManifestError
from pytest_ebpf.manifest import loads


def test_all_problems_come_at_once_in_the_order_of_the_file(in_tmp: Path) -> None:
    text = """\
[project]
nam = "edge"
kernels = ["6.1"]

[objects.firewall]
path = "fw.o"
maps = ["blockd"]
programs.ingress = { hook = "xpd" }

[types.rule]
struct = { action = "actoin" }

[types.action]
enum = ["PASS"]

[maps.blocked]
type = "lpm_trie"
key = "u32"
value = "rule"
max_entrys = 4096

[maps.stats]
type = "array"
value = "u64"
max_entries = 0

[build]
cpu = "v9"
"""
    with pytest.raises(ManifestError) as caught:
        loads(text, path=in_tmp / "ebpf.toml")
    assert str(caught.value).splitlines() == [
        "ebpf.toml:1: project.name: required key is missing; add it to [project]",
        'ebpf.toml:2: project.nam: unknown key; did you mean "name"?',
        (
            'ebpf.toml:7: objects.firewall.maps[0]: no such map is declared (seen "blockd");'
            ' did you mean "blocked"?'
        ),
        'ebpf.toml:8: objects.firewall.programs.ingress.hook: unknown hook (seen "xpd"); did you mean "xdp"?',
        'ebpf.toml:11: types.rule.struct.action: unknown type (seen "actoin"); did you mean "action"?',
        (
            'ebpf.toml:18: maps.blocked.key: not a prefix (seen "u32"); use "ipv4_prefix", "ipv6_prefix",'
            " or a struct whose first field is the prefix length"
        ),
        'ebpf.toml:20: maps.blocked.max_entrys: unknown key; did you mean "max_entries"?',
        "ebpf.toml:25: maps.stats.max_entries: must be at least 1 (seen 0)",
        'ebpf.toml:28: build.cpu: unknown value (seen "v9"); known: v1, v2, v3, v4',
    ]
    assert caught.value.problems[-1].where == "ebpf.toml:28: build.cpu"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            (
                '[types.rule]\nstruct = { a = "u8 *" }\n[maps.a]\ntype = "array"\nvalue = "rule"\n'
                "max_entries = 1"
            ),
            id="type-that-a-map-uses",
        ),
        pytest.param(
            '[maps.a]\ntype = "hsh"\n[objects.fw]\npath = "fw.o"\nmaps = ["a"]',
            id="map-that-an-object-uses",
        ),
        pytest.param(
            'globals = []\n[objects.fw]\npath = "fw.o"\nglobals = ["a"]',
            id="table-that-an-object-uses",
        ),
        pytest.param(
            (
                '[maps.a]\ntype = "lpm_trie"\nkey = "ipv4_prefix"\nvalue = "u8"\nmax_entries = "4"\n'
                'flags = ["no_preallok"]'
            ),
            id="flag-that-is-needed",
        ),
        pytest.param(
            '[maps.a]\ntype = "ringbf"\n[maps.b]\ntype = "array_of_maps"\nmax_entries = 1\ninner = "a"',
            id="inner-map",
        ),
    ],
)
def test_what_follows_from_a_problem_is_not_told_as_another(in_tmp: Path, text: str) -> None:
    head = '[project]\nname = "edge"\nkernels = ["6.1"]\n'
    text = text + "\n" + head if text.startswith("globals") else head + text
    with pytest.raises(ManifestError) as caught:
        loads(text, path=in_tmp / "ebpf.toml")
    told = [problem.where.split(": ")[1] for problem in caught.value.problems]
    assert told in (
        ["types.rule.struct.a"],
        ["maps.a.type"],
        ["globals"],
        ["maps.a.max_entries", "maps.a.flags[0]"],
    )


def test_an_object_without_origin_whose_program_has_no_hook(in_tmp: Path) -> None:
    text = """\
[project]
name = "edge"
kernels = ["6.1"]
[objects.fw]
programs.a = { autoload = false }
[maps.stats]
type = "array"
"""
    with pytest.raises(ManifestError) as caught:
        loads(text, path=in_tmp / "ebpf.toml")
    assert str(caught.value).splitlines() == [
        "ebpf.toml:5: objects.fw.programs.a.hook: required key is missing; add it to [objects.fw.programs.a]",
        'ebpf.toml:6: maps.stats.value: required for array; add value = "..."',
        "ebpf.toml:6: maps.stats.max_entries: required for array; add max_entries, the number of entries",
    ]
