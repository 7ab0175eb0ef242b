"""The bodies that come with the package, and the sample project: all compile, none with a warning."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_ebpf import paths
from pytest_ebpf.build import build
from pytest_ebpf.build.rendering import BODY
from pytest_ebpf.manifest import load
from pytest_ebpf.objects import read_object
from pytest_ebpf.objects.check import differences

ROOT = Path(__file__).parents[2]

MANIFEST = """
[project]
name = "bodies"
kernels = ["6.12"]
[types.counts]
struct = { packets = "u64", bytes = "u64" }
[maps.counters]
type = "percpu_array"
value = "counts"
max_entries = 256
[maps.v4]
type = "lpm_trie"
key = "ipv4_prefix"
value = "u8"
max_entries = 16
flags = ["no_prealloc"]
[maps.v6]
type = "lpm_trie"
key = "ipv6_prefix"
value = "u8"
max_entries = 16
flags = ["no_prealloc"]
"""

#: For each body: the objects a manifest may make of it.
OBJECTS = {
    "xdp_block_list": """
        [objects.v4_only]
        template = "xdp_block_list"
        parameters = { blocked = "v4" }
        programs.filter = { hook = "xdp" }
        [objects.both]
        template = "xdp_block_list"
        parameters = { blocked = "v4", blocked6 = "v6", verdict = "XDP_TX" }
        programs.filter = { hook = "xdp" }
        programs.filter_frags = { hook = "xdp.frags" }
        """,
    "xdp_count": """
        [objects.count]
        template = "xdp_count"
        parameters = { counters = "counters" }
        programs.count_all = { hook = "xdp" }
        """,
    "tc_mark": """
        [objects.mark]
        template = "tc_mark"
        parameters = { mark = 7, ports = [53, 853] }
        programs.mark_in = { hook = "tc" }
        programs.mark_out = { hook = "tcx/egress" }
        """,
    "cgroup_count": """
        [objects.usage]
        template = "cgroup_count"
        parameters = { counters = "counters" }
        programs.received = { hook = "cgroup_skb/ingress" }
        programs.sent = { hook = "cgroup_skb/egress" }
        """,
}


def test_every_body_is_tried_here_and_documented() -> None:
    bodies = {path.name.removesuffix(BODY) for path in paths.templates().glob(f"*{BODY}")}
    documented = set(re.findall(r"^\| `(\w+)` \| `", (ROOT / "docs/templates.md").read_text(), re.MULTILINE))
    assert bodies == set(OBJECTS) == documented


@pytest.mark.parametrize("body", OBJECTS)
def test_a_body_compiles_as_declared(body: str, tmp_path: Path, kernel_btf: Callable[[str], Path]) -> None:
    manifest = tmp_path / "ebpf.toml"
    manifest.write_text(MANIFEST + OBJECTS[body])
    result = build(
        manifest, kernel_btf=kernel_btf, check=lambda m, name, path: differences(m, name, read_object(path))
    )
    assert result.compiled == len(result.objects) > 0
    assert result.warnings == ()
    for built in result.objects:
        declared = load(manifest).objects[built.name].programs
        assert [program.name for program in read_object(built.path).programs] == list(declared)


def test_the_sample_project_compiles_as_declared(tmp_path: Path, kernel_btf: Callable[[str], Path]) -> None:
    shutil.copytree(ROOT / "sample_project", tmp_path / "sample", ignore=shutil.ignore_patterns("build"))
    result = build(
        tmp_path / "sample" / "ebpf.toml",
        kernel_btf=kernel_btf,
        check=lambda m, name, path: differences(m, name, read_object(path)),
    )
    assert result.compiled == len(result.objects)
    assert result.warnings == ()
