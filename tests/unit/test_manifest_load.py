"""Reading a manifest: what is in it, what is filled in, and files that are none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from effort import calls
from pydantic import ValidationError

import pytest_ebpf.manifest
from pytest_ebpf.errors import ManifestError
from pytest_ebpf.hooks import Hook
from pytest_ebpf.manifest import (
    Build,
    EnumDecl,
    GlobalDecl,
    Manifest,
    StructDecl,
    Test,
    TypeExpr,
    UnionDecl,
    find,
    load,
    loads,
)
from pytest_ebpf.uapi import MapFlag, MapType, ProgType

Read = Callable[[str], Manifest]

FULL = """
[project]
name = "edge"
license = "Dual BSD/GPL"
kernels = ["5.10", "6.1.192", "latest", "./bzImage"]

[build]
directory = "out"
templates = ["templates"]
include = ["include"]
flags = ["-DDEBUG"]
cpu = "v4"
vmlinux = "full"
kernel = "6.1"
bindings = "tests/programs.py"

[test]
memory = 512
cpus = 2

[types]
action = { enum = ["PASS", "DROP"], type = "u8" }
mark = { enum = { LOW = -1, HIGH = 10 }, type = "s32" }
rule = { struct = { action = "action", hits = "u64[2]" } }
address = { union = { four = "ipv4", six = "ipv6" } }

[maps.blocked]
type = "lpm_trie"
key = "ipv4_prefix"
value = "rule"
max_entries = 4096
flags = ["no_prealloc", "rdonly_prog"]

[globals.limit]
type = "u32[2]"
value = [1, 2]
const = false

[objects.firewall]
source = "src/firewall.bpf.c"
maps = ["blocked"]
globals = ["limit"]
flags = ["-O1"]
[objects.firewall.programs]
ingress = { hook = "xdp" }
egress = { hook = "tc/egress", section = "classifier/out", autoload = false }

[objects.counter]
template = "xdp_count"
parameters = { by = "protocol", limits = [1, 2] }

[objects.elsewhere]
path = "target/prog.bpf.o"
"""


@pytest.fixture
def full(in_tmp: Path) -> Manifest:
    for folder in ("templates", "include", "src"):
        (in_tmp / folder).mkdir()
    (in_tmp / "src/firewall.bpf.c").touch()
    (in_tmp / "ebpf.toml").write_text(FULL)
    return load(Path("ebpf.toml"))


def test_project_build_and_test(full: Manifest, in_tmp: Path) -> None:
    assert (full.path, full.root) == (in_tmp / "ebpf.toml", in_tmp)
    assert full.project.name == "edge"
    assert full.project.license == "Dual BSD/GPL"
    assert full.project.kernels == ("5.10", "6.1.192", "latest", "./bzImage")
    assert full.kernels == ("5.10", "6.1.192", "latest", f"{full.root}/bzImage")
    assert full.build == Build(
        directory="out",
        templates=("templates",),
        include=("include",),
        flags=("-DDEBUG",),
        cpu="v4",
        vmlinux="full",
        kernel="6.1",
        bindings="tests/programs.py",
    )
    assert full.test == Test(memory=512, cpus=2)
    assert full.vmlinux_kernel == "6.1"


def test_types(full: Manifest) -> None:
    action, mark, rule, address = full.types.values()
    assert isinstance(action, EnumDecl)
    assert (action.values, action.type) == ({"PASS": 0, "DROP": 1}, "u8")
    assert isinstance(mark, EnumDecl)
    assert mark.values == {"LOW": -1, "HIGH": 10}
    assert isinstance(rule, StructDecl)
    assert list(rule.fields.items()) == [("action", TypeExpr("action")), ("hits", TypeExpr("u64", (2,)))]
    assert isinstance(address, UnionDecl)
    assert address.fields == {"four": TypeExpr("ipv4"), "six": TypeExpr("ipv6")}


def test_maps_and_globals(full: Manifest) -> None:
    blocked = full.maps["blocked"]
    assert blocked.map_type is MapType.LPM_TRIE
    assert (blocked.key, blocked.value) == (TypeExpr("ipv4_prefix"), TypeExpr("rule"))
    assert blocked.max_entries == 4096
    assert blocked.map_flags == MapFlag.NO_PREALLOC | MapFlag.RDONLY_PROG
    limit = full.globals["limit"]
    assert (limit.type, limit.value, limit.const) == (TypeExpr("u32", (2,)), (1, 2), False)


def test_objects(full: Manifest) -> None:
    firewall, counter, elsewhere = full.objects.values()
    assert firewall.source == "src/firewall.bpf.c"
    assert (firewall.maps, firewall.globals, firewall.flags) == (("blocked",), ("limit",), ("-O1",))
    egress = firewall.programs["egress"]
    assert (egress.section, egress.autoload) == ("classifier/out", False)
    assert isinstance(egress.parsed_hook, Hook)
    assert egress.parsed_hook.kind.prog_type is ProgType.SCHED_CLS
    assert (counter.template, counter.parameters) == ("xdp_count", {"by": "protocol", "limits": [1, 2]})
    assert (elsewhere.path, elsewhere.maps, elsewhere.programs) == ("target/prog.bpf.o", None, {})


def test_a_manifest_is_located(full: Manifest) -> None:
    assert full.where(["maps", "blocked", "flags", 1]) == "ebpf.toml:32"
    assert full.where(["objects", "firewall", "programs", "egress", "hook"]) == "ebpf.toml:46"
    assert full.where(["maps", "blocked", "inner"]) == "ebpf.toml:27"
    problem = full.problem(["maps", "blocked"], "is not in the object", "add it")
    assert str(problem) == "ebpf.toml:27: maps.blocked: is not in the object; add it"


def test_a_manifest_outside_the_current_folder_is_named_in_full(
    full: Manifest, in_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(in_tmp.parent)
    assert load(full.path).where(["project"]) == f"{in_tmp.name}/ebpf.toml:2"
    monkeypatch.chdir(in_tmp / "src")
    assert load(full.path).where(["project"]) == f"{full.path}:2"


def test_what_is_not_said_is_filled_in(manifest_of: Read) -> None:
    manifest = manifest_of("")
    assert manifest.project.license == "GPL"
    assert manifest.build == Build(directory="build/ebpf", cpu="v3", vmlinux="minimal")
    assert manifest.test == Test(memory=256, cpus=1)
    assert (manifest.types, manifest.maps, manifest.globals, manifest.objects) == ({}, {}, {}, {})


def test_vmlinux_comes_from_the_last_kernel_promised_unless_told(in_tmp: Path) -> None:
    text = '[project]\nname = "edge"\nkernels = ["6.12", "6.1"]\n'
    assert loads(text, path=in_tmp / "ebpf.toml").vmlinux_kernel == "6.1"


def test_a_manifest_is_frozen(full: Manifest) -> None:
    with pytest.raises(FrozenInstanceError):
        full.path = Path()  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        full.project.name = "other"


def test_a_byte_order_mark_and_windows_lines_are_taken(in_tmp: Path) -> None:
    path = in_tmp / "ebpf.toml"
    path.write_bytes(b'\xef\xbb\xbf[project]\r\nname = "edge"\r\nkernels = ["6.1"]\r\n')
    assert load(path).where(["project", "kernels"]) == "ebpf.toml:3"


def test_a_global_holds_what_pydantic_would_otherwise_turn_into_numbers(manifest_of: Read) -> None:
    manifest = manifest_of('[globals]\nverbose = { type = "bool", value = true }')
    assert manifest.globals["verbose"] == GlobalDecl(type=TypeExpr("bool"), value=True)
    assert manifest.globals["verbose"].value is True


def test_find_looks_in_the_folder_and_above_it(in_tmp: Path) -> None:
    manifest = in_tmp / "project" / "ebpf.toml"
    inside = manifest.parent / "tests" / "unit"
    inside.mkdir(parents=True)
    assert find(inside) is None
    manifest.touch()
    assert find(inside) == find(manifest.parent) == find(manifest) == manifest
    assert find(in_tmp) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            b"",
            "ebpf.toml:1: project: required key is missing; add the table [project]",
            id="empty",
        ),
        pytest.param(
            b'[project\nname = "x"',
            "ebpf.toml:1:9: malformed TOML: Expected ']' at the end of a table declaration",
            id="malformed",
        ),
        pytest.param(
            b"a = 1\na = 2\n",
            "ebpf.toml:2:6: malformed TOML: Cannot overwrite a value",
            id="key-twice",
        ),
        pytest.param(
            b'[project]\nname = """x\n',
            "ebpf.toml:3: malformed TOML: Unterminated string",
            id="string-without-end",
        ),
        pytest.param(
            b'[project]\nname = "\xff"\n',
            "ebpf.toml:2: not UTF-8 (seen byte 0xff); save the file as UTF-8",
            id="not-utf-8",
        ),
        pytest.param(
            b"a = " + b"[" * 5000 + b"]" * 5000,
            "ebpf.toml: malformed TOML: nested too deep",
            id="nested-too-deep",
        ),
        pytest.param(
            b"#" * (4 << 20) + b"#",
            "ebpf.toml: larger than 4 MiB; is this the manifest?",
            id="too-large",
        ),
    ],
)
def test_a_file_that_is_no_manifest(in_tmp: Path, content: bytes, message: str) -> None:
    (in_tmp / "ebpf.toml").write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        load(Path("ebpf.toml"))
    assert str(caught.value) == message


def test_a_file_that_is_not_there(in_tmp: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        load(Path("ebpf.toml"))
    assert str(caught.value) == "ebpf.toml: no such file; write an ebpf.toml, or name the one to use"


def test_a_folder(in_tmp: Path) -> None:
    (in_tmp / "project").mkdir()
    with pytest.raises(ManifestError) as caught:
        load(Path("project"))
    assert str(caught.value) == "project: is a folder; name the ebpf.toml in it"


def test_a_file_that_cannot_be_read(in_tmp: Path) -> None:
    (in_tmp / "ebpf.toml").symlink_to("ebpf.toml")
    with pytest.raises(ManifestError) as caught:
        load(Path("ebpf.toml"))
    assert str(caught.value) == "ebpf.toml: cannot be read (Too many levels of symbolic links)"


def test_looking_for_a_manifest_does_not_import_pydantic() -> None:
    code = "import sys, pytest_ebpf.manifest; print('pydantic' in sys.modules, 'tomli' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False False\n"


def test_a_name_the_package_does_not_have() -> None:
    with pytest.raises(AttributeError, match=r"^module 'pytest_ebpf.manifest' has no attribute 'lode'$"):
        pytest_ebpf.manifest.lode  # noqa: B018


def test_twice_as_many_programs_take_twice_as_long_to_read(in_tmp: Path) -> None:
    (in_tmp / "p.bpf.c").touch()
    taken = []
    for count in (50, 100):
        (in_tmp / "ebpf.toml").write_text(declared(count))
        load(Path("ebpf.toml"))
        taken.append(calls(lambda: load(Path("ebpf.toml"))))
    assert taken[1] < 2.1 * taken[0]
    assert taken[1] < 100_000


def declared(count: int) -> str:
    """A manifest of so many types, maps, global variables and programs."""
    text = '[project]\nname = "big"\nkernels = ["6.1"]\n'
    for number in range(count):
        text += (
            f'[types.t{number}]\nstruct = {{ a = "u64", b = "u32[4]" }}\n'
            f'[maps.m{number}]\ntype = "hash"\nkey = "u32"\nvalue = "t{number}"\nmax_entries = 10\n'
            f'[globals.g{number}]\ntype = "u32"\nvalue = 1\n'
            f'[objects.o{number}]\nsource = "p.bpf.c"\nprograms.p{number} = {{ hook = "xdp" }}\n'
        )
    return text


def test_the_part_of_the_kernels_that_something_is_for(in_tmp: Path) -> None:
    text = """
        [project]
        name = "edge"
        kernels = ["5.10", "6.12"]
        [objects.gate]
        path = "gate.bpf.o"
        kernels = ">=6.4"
        programs.inspect = { hook = "netfilter" }
        programs.count = { hook = "xdp", kernels = ">= 6.1, <7.0.1" }
        """
    gate = loads(text, path=in_tmp / "ebpf.toml").objects["gate"]
    assert (gate.kernels, gate.programs["inspect"].kernels) == (">=6.4", None)
    assert gate.programs["count"].kernels == ">= 6.1, <7.0.1"
