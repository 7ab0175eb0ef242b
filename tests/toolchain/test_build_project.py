"""Whole builds, with clang and the BTF of a real kernel."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_ebpf import objects
from pytest_ebpf.btf import Btf, Struct
from pytest_ebpf.build import BuildResult, build
from pytest_ebpf.errors import MismatchError, Problem
from pytest_ebpf.manifest import Manifest
from pytest_ebpf.manifest.typeexpr import INTEGERS
from pytest_ebpf.objects.check import differences
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import pack, unpack

ROOT = Path(__file__).parents[2]

MANIFEST = """
[project]
name = "edge"
license = "Dual BSD/GPL"
kernels = ["6.12"]

[types.rule]
struct = { action = "u32", hits = "u64" }

[globals.limit]
type = "u32"
value = 7

[maps.blocked]
type = "lpm_trie"
key = "ipv4_prefix"
value = "rule"
max_entries = 16
flags = ["no_prealloc"]

[maps.seen]
type = "percpu_array"
value = "rule"
max_entries = 256

[objects.drop]
source = "src/drop.bpf.c"
programs.ingress = { hook = "xdp" }

[objects.count]
template = "xdp_count"
parameters = { counters = "protocols" }
programs.count = { hook = "xdp" }

[types.counts]
struct = { packets = "u64", bytes = "u64" }

[maps.protocols]
type = "percpu_array"
value = "counts"
max_entries = 256
"""

SOURCE = """
#include "ebpf.h"
#include "local.h"

SEC("xdp")
int ingress(struct xdp_md *ctx)
{
	struct ebpf_ipv4_prefix key = { .prefixlen = 32 };
	struct rule *rule = bpf_map_lookup_elem(&blocked, &key);

	return rule && rule->hits > limit ? XDP_DROP : VERDICT;
}
"""


class Project:
    """A project in a folder of its own; *asked* are the kernels whose BTF its builds wanted."""

    def __init__(self, root: Path, btf: Callable[[str], Path]) -> None:
        self.root = root
        self.path = root / "ebpf.toml"
        self.asked: list[str] = []
        self._btf = btf
        (root / "src").mkdir(parents=True)
        self.write("ebpf.toml", MANIFEST)
        self.write("src/drop.bpf.c", SOURCE)
        self.write("src/local.h", "#define VERDICT XDP_PASS\n")

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def build(self, *only: str, check: Callable[..., Sequence[Problem]] | None = None) -> BuildResult:
        return build(self.path, kernel_btf=self._kernel_btf, only=only, check=check)

    def _kernel_btf(self, spec: str) -> Path:
        self.asked.append(spec)
        return self._btf(spec)

    def digests(self) -> dict[str, str]:
        files = sorted((self.root / "build" / "ebpf").glob("*.o"))
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def make_project(tmp_path: Path, kernel_btf: Callable[[str], Path]) -> Callable[[str], Project]:
    return lambda name: Project(tmp_path / name, kernel_btf)


@pytest.fixture
def project(make_project: Callable[[str], Project]) -> Project:
    return make_project("edge")


def test_a_build_makes_the_objects_that_the_manifest_declares(project: Project) -> None:
    result = project.build()
    assert [built.name for built in result.objects] == ["drop", "count"]
    assert result.compiled == 2
    assert result.warnings == ()
    assert project.asked == ["6.12"]
    facts = objects.read_object(project.root / "build" / "ebpf" / "drop.bpf.o")
    assert facts.license == "Dual BSD/GPL"
    assert [program.section for program in facts.programs] == ["xdp"]
    assert [(m.name, m.key_name, m.value_size) for m in facts.maps] == [
        ("blocked", "struct ebpf_ipv4_prefix", 16)
    ]
    assert [(g.name, g.constant, g.initial) for g in facts.globals] == [("limit", True, b"\x07\0\0\0")]


def test_only_what_a_source_names_is_in_its_object(project: Project) -> None:
    project.build()
    count = objects.read_object(project.root / "build" / "ebpf" / "count.bpf.o")
    assert [m.name for m in count.maps] == ["protocols"]
    assert count.globals == ()


def test_the_objects_are_as_declared(project: Project) -> None:
    def check(manifest: Manifest, name: str, path: Path) -> Sequence[Problem]:
        return differences(manifest, name, objects.read_object(path))

    assert project.build(check=check).compiled == 2
    project.edit("ebpf.toml", "programs.ingress", "programs.egress")
    with pytest.raises(MismatchError) as caught:
        project.build(check=check)
    assert "ebpf.toml" in str(caught.value)
    assert "egress" in str(caught.value)
    with pytest.raises(MismatchError):  # it is not forgotten
        project.build(check=check)


def test_a_second_build_does_nothing(project: Project) -> None:
    project.build()
    again = project.build()
    assert again.compiled == 0
    assert [built.path.name for built in again.objects] == ["drop.bpf.o", "count.bpf.o"]
    assert again.bindings == project.root / "build" / "ebpf" / "bindings.py"


def test_a_build_with_nothing_to_do_imports_nothing_heavy(project: Project) -> None:
    project.build()
    program = dedent(
        f"""
        import sys
        from pathlib import Path
        from pytest_ebpf.build import build
        assert build(Path({str(project.path)!r}), kernel_btf=None).compiled == 0
        print(*sorted({{"jinja2", "pydantic", "elftools", "subprocess", "ninja"}} & set(sys.modules)))
        """
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("name", "old", "new", "compiled"),
    [
        ("src/drop.bpf.c", "&blocked", "(&blocked)", 1),
        ("src/local.h", "XDP_PASS", "XDP_TX", 1),
        ("ebpf.toml", "value = 7", "value = 8", 1),
        ("ebpf.toml", 'cense = "Dual BSD/GPL"', 'cense = "GPL"', 2),
        ("ebpf.toml", "[objects.count]", "# only a comment\n[objects.count]", 0),
        ("ebpf.toml", 'name = "edge"', 'name = "other"', 0),
    ],
)
def test_only_what_changed_is_compiled(
    project: Project, name: str, old: str, new: str, compiled: int
) -> None:
    project.build()
    project.edit(name, old, new)
    assert project.build().compiled == compiled
    assert project.build().compiled == 0


def test_the_kernel_is_asked_for_only_when_other_types_are_named(project: Project) -> None:
    project.build()
    project.edit("src/drop.bpf.c", "rule->hits > limit", "rule->hits >= limit")
    assert project.build().compiled == 1
    assert project.asked == ["6.12"]
    project.edit("src/drop.bpf.c", "return", "struct ethhdr eth = {};\n\treturn eth.h_proto ? 1 :")
    assert project.build().compiled == 1
    assert project.asked == ["6.12", "6.12"]


def test_another_pin_of_kernels_makes_new_headers(project: Project) -> None:
    project.build()
    project.write("ebpf-kernels.lock", "another kernel")
    project.build()
    assert project.asked == ["6.12", "6.12"]


def test_objects_asked_for_by_name(project: Project) -> None:
    result = project.build("count")
    assert [built.name for built in result.objects] == ["count"]
    assert sorted(project.digests()) == ["count.bpf.o"]
    assert project.build("count").compiled == 0
    assert project.build().compiled == 1
    assert project.build("drop").compiled == 0


def test_a_template_is_an_input(project: Project) -> None:
    project.edit("ebpf.toml", 'kernels = ["6.12"]', 'kernels = ["6.12"]\n[build]\ntemplates = ["mine"]')
    (project.root / "mine").mkdir()
    before = project.build()
    shutil.copy(ROOT / "templates" / "xdp_count.bpf.c.j2", project.root / "mine")
    declared = "{{ object }}: {{ types | join(' ') }}, {{ maps | join(' ') }}, {{ globals | join(' ') }}"
    project.edit("mine/xdp_count.bpf.c.j2", "return XDP_PASS;\n}", f"return XDP_DROP;\n}} /* {declared} */")
    assert (before.compiled, project.build().compiled) == (2, 1)
    body = (project.root / "build/ebpf/count/count.bpf.c").read_text()
    assert body.endswith("} /* count: rule counts, blocked seen protocols, limit */\n")


def test_two_checkouts_give_the_same_bytes(make_project: Callable[[str], Project]) -> None:
    one, other = make_project("one"), make_project("some/where/else")
    one.build()
    other.build()
    assert one.digests() == other.digests()
    assert len(one.digests()) == 2
    bindings = [each.root / "build/ebpf/bindings.py" for each in (one, other)]
    assert bindings[0].read_text() == bindings[1].read_text()
    assert str(one.root).encode() not in (one.root / "build/ebpf/count.bpf.o").read_bytes()


def test_a_second_build_from_nothing_gives_the_same_bytes(project: Project) -> None:
    project.build()
    first = project.digests()
    shutil.rmtree(project.root / "build")
    project.build()
    assert project.digests() == first


def test_a_changed_template_body_is_not_confused_by_the_last_headers(project: Project) -> None:
    """The build folder holds headers of the last build; they are not the project's own."""
    project.build()
    project.edit("ebpf.toml", "max_entries = 256\n\n[objects.drop]", "max_entries = 128\n\n[objects.drop]")
    project.build()
    project.edit("ebpf.toml", 'hook = "xdp" }\n\n[types.counts]', 'hook = "xdp" }  # x\n\n[types.counts]')
    project.build()
    header = (project.root / "build/ebpf/count/vmlinux.h").read_text()
    assert re.search(r"struct ethhdr \{", header)


def test_line_information_names_the_source_and_the_template(project: Project) -> None:
    project.build()
    drop, count = (
        objects.read_object(project.root / "build" / "ebpf" / f"{name}.bpf.o") for name in ("drop", "count")
    )
    assert drop.programs[0].source == "src/drop.bpf.c:6"
    text = (ROOT / "templates" / "xdp_count.bpf.c.j2").read_text()
    line = 1 + text[: text.index("ebpf_packet_of(ctx)")].count("\n")
    assert count.programs[0].source == f"pytest_ebpf/templates/xdp_count.bpf.c.j2:{line}"


def test_the_types_of_maps_are_in_the_objects_btf(project: Project) -> None:
    project.build()
    btf = objects.read_object(project.root / "build" / "ebpf" / "drop.bpf.o").btf
    assert isinstance(btf, Btf)
    assert btf.find("rule", Struct) is not None
    assert btf.find("ebpf_ipv4_prefix", Struct) is not None


def test_enums_of_every_type_have_the_values_that_are_declared(project: Project) -> None:
    limits = {name: (each.minimum, each.maximum) for name, each in INTEGERS.items()}
    declared = "".join(
        f'[types.{name}_enum]\nenum = {{ {name}_LOW = {low}, {name}_HIGH = {high} }}\ntype = "{name}"\n'
        for name, (low, high) in limits.items()
        if name != "u64"  # TOML has no such numbers
    )
    project.edit("ebpf.toml", "[types.rule]", f"{declared}[types.rule]")
    used = "".join(f"enum {name}_enum v_{name};\n" for name in limits if name != "u64")
    project.edit("src/drop.bpf.c", 'SEC("xdp")', used + 'SEC("xdp")')
    project.build("drop")
    values = Values(objects.read_object(project.root / "build" / "ebpf" / "drop.bpf.o").btf)
    for name, (low, high) in limits.items():
        if name != "u64":
            codec = values.named(f"enum {name}_enum")
            read = [unpack(codec, pack(codec, f"{name}_{word}", ""), "") for word in ("LOW", "HIGH")]
            assert (codec.size * 8, read) == (INTEGERS[name].bits, [low, high]), name


def test_the_compilation_database_compiles(project: Project, tmp_path: Path) -> None:
    project.build()
    database = json.loads((project.root / "build/ebpf/compile_commands.json").read_text())
    assert [entry["file"] for entry in database] == ["build/ebpf/count/count.bpf.c", "src/drop.bpf.c"]
    for entry in database:
        assert Path(entry["directory"]) == project.root
        done = subprocess.run([*entry["arguments"], "-fsyntax-only"], check=False, cwd=entry["directory"])
        assert done.returncode == 0


def test_user_types_may_be_called_like_the_kernels(project: Project) -> None:
    project.write(
        "src/local.h",
        "#define VERDICT (sizeof(struct mine) + XDP_PASS)\nstruct mine { struct sk_buff *skb; };\n"
        "struct task_struct { int mine; };\n",
    )
    project.edit("ebpf.toml", "[types.rule]", '[types.key]\nstruct = { x = "u8" }\n[types.rule]')
    project.edit("src/drop.bpf.c", "return", "struct key mine = { 1 };\n\treturn mine.x ? 1 :")
    assert project.build().warnings == ()


@pytest.mark.parametrize("mode", ["minimal", "full"])
def test_the_full_header_gives_the_same_program(project: Project, mode: str) -> None:
    project.build()
    minimal = project.digests()
    project.edit("ebpf.toml", 'kernels = ["6.12"]', f'kernels = ["6.12"]\n[build]\nvmlinux = "{mode}"')
    project.build()
    instructions = objects.read_object(project.root / "build/ebpf/drop.bpf.o").programs[0].instructions
    assert instructions > 0
    if mode == "minimal":
        assert project.digests() == minimal


def test_a_source_without_our_header_needs_no_kernel(project: Project) -> None:
    project.edit("ebpf.toml", "[objects.count]", '[objects.own]\nsource = "src/own.c"\n\n[objects.count]')
    project.write(
        "src/own.c",
        "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n#include <string.h>\n"
        'char L[] SEC("license") = "GPL";\nSEC("xdp") int own(struct xdp_md *ctx) { return XDP_PASS; }\n',
    )
    project.build("own")
    assert project.asked == []
    assert objects.read_object(project.root / "build/ebpf/own.bpf.o").license == "GPL"


def test_a_license_of_the_source_is_kept(project: Project) -> None:
    project.write("src/local.h", '#define VERDICT 2\nchar mine[] SEC("license") = "GPL v2";\n')
    project.build("drop")
    assert objects.read_object(project.root / "build/ebpf/drop.bpf.o").license == "GPL v2"


def test_warnings_are_handed_on(project: Project) -> None:
    project.edit("src/drop.bpf.c", "return", "int unused;\n\n\treturn")
    (warning,) = project.build().warnings
    assert warning.startswith("src/drop.bpf.c:11:6: warning: unused variable 'unused' [-Wunused-variable]")
    assert project.build().warnings == ()


def test_two_builds_at_once(project: Project) -> None:
    results: list[BuildResult] = []
    threads = [threading.Thread(target=lambda: results.append(project.build())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.compiled for result in results) == [0, 0, 2]


def test_an_object_built_elsewhere_is_handed_on(project: Project) -> None:
    project.build()
    shutil.copy(project.root / "build/ebpf/drop.bpf.o", project.root / "theirs.o")
    project.edit("ebpf.toml", "[objects.count]", '[objects.theirs]\npath = "theirs.o"\n\n[objects.count]')
    result = project.build()
    assert {built.name: built.path for built in result.objects}["theirs"] == project.root / "theirs.o"
    assert result.compiled == 0
    os.utime(project.root / "theirs.o")
    assert project.build().compiled == 0


def test_a_linked_manifest_belongs_where_the_link_is(project: Project, tmp_path: Path) -> None:
    (tmp_path / "shared.toml").write_text(MANIFEST)
    project.path.unlink()
    project.path.symlink_to(tmp_path / "shared.toml")
    assert project.build().compiled == 2
    assert project.build().compiled == 0
    assert (project.root / "build/ebpf/drop.bpf.o").exists()


def test_bindings_may_go_beside_the_tests(project: Project) -> None:
    project.edit("ebpf.toml", "[types.rule]", '[build]\nbindings = "tests/edge.py"\n\n[types.rule]')
    assert project.build().bindings == project.root / "tests" / "edge.py"
    (project.root / "tests" / "edge.py").unlink()
    project.build()
    assert "class Drop(LoadedObject):" in (project.root / "tests" / "edge.py").read_text()


def test_a_clang_that_was_replaced_compiles_everything_anew(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clang = tmp_path / "my-clang"
    clang.write_text('#!/bin/sh\nexec clang-19 "$@"\n')
    clang.chmod(0o755)
    monkeypatch.setenv("EBPF_CLANG", str(clang))
    project.build()
    clang.write_text('#!/bin/sh\n\nexec clang-19 "$@"\n')
    assert project.build().compiled == 2
