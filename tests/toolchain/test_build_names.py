"""Declarations that are called like something that C, libbpf or the kernel has already."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pytest_ebpf import objects, paths
from pytest_ebpf.build import BuildResult, build
from pytest_ebpf.build.reserved import Reserved, reserved
from pytest_ebpf.build.tokens import LIBBPF_HEADERS
from pytest_ebpf.errors import BuildError, ManifestError

HEAD = '[project]\nname = "names"\nkernels = ["6.12"]\n'

#: Functions of C's library that clang knows by itself; typedefs and constants of the kernel.
LIBRARY = ("log", "index", "round", "exp", "abs", "printf")
KERNEL = ("config", "fail", "none", "all", "u64", "file", "task_struct", "pid_t")

OURS = ("ebpf.h.j2", "ebpf_constants.h", "ebpf_packet.h")


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel_btf: Callable[[str], Path]):
    """``make(tables, sources) -> BuildResult`` of a project with these tables and these C files."""
    monkeypatch.chdir(tmp_path)

    def one(tables: str, **sources: str) -> BuildResult:
        (tmp_path / "ebpf.toml").write_text(HEAD + tables)
        for name, text in sources.items():
            (tmp_path / f"{name}.bpf.c").write_text(f'#include "ebpf.h"\n{text}')
        return build(tmp_path / "ebpf.toml", kernel_btf=kernel_btf)

    return one


def array(name: str) -> str:
    return f'[maps.{name}]\ntype = "array"\nvalue = "u32"\nmax_entries = 1\n'


def program(name: str, body: str = "") -> str:
    return f'SEC("xdp") int {name}(struct xdp_md *ctx)\n{{\n\t__u32 sum = 0;\n{body}\treturn sum;\n}}\n'


def test_maps_globals_and_programs_may_be_called_like_functions_of_c_and_types_of_the_kernel(make) -> None:
    names = (*LIBRARY, *KERNEL)
    tables = "".join(
        [
            *map(array, names),
            *(f'[globals.{name}]\ntype = "u32"\nvalue = 7\n' for name in ("rint", "ulong")),
            '[objects.held]\nsource = "held.bpf.c"\nprograms.held = { hook = "xdp" }\n',
            '[objects.run]\nsource = "run.bpf.c"\nmaps = []\nglobals = []\n',
            *(f'programs.{name} = {{ hook = "xdp" }}\n' for name in names),
        ]
    )
    adds = "\t__u32 key = 0;\n"
    adds += "".join(f"\tif (bpf_map_lookup_elem(&{name}, &key))\n\t\tsum++;\n" for name in names)
    # a map called so leaves the struct of the kernel its name
    uses = (
        "\tstruct task_struct *task = (void *)bpf_get_current_task();\n\tsum += BPF_CORE_READ(task, tgid);\n"
    )
    made = make(
        tables.replace('"run.bpf.c"\nmaps', '"run.bpf.c"\nflags = ["-Werror"]\nmaps'),
        held=program("held", adds + "\tsum += rint + ulong;\n") + program("reads", uses),
        run="".join(program(name) for name in names),
    )
    assert made.warnings == ()
    held, run = (objects.read_object(each.path) for each in made.objects)
    assert {each.name for each in held.maps} == set(names)
    assert {each.name for each in held.globals} == {"rint", "ulong"}
    assert {each.name for each in run.programs} == set(names)


def test_names_that_clang_is_told_to_forget_change_no_code(make, tmp_path: Path) -> None:
    """Its functions for memory are used as before, here for a copy, a comparison and zeros."""
    body = (
        "\tstruct { __u64 at[6]; } one = {}, two;\n\t__u32 *sums = bpf_map_lookup_elem(&log, &sum);\n"
        "\tif (!sums)\n\t\treturn 0;\n\tone.at[2] = *sums;\n\t__builtin_memcpy(&two, &one, sizeof(one));\n"
        "\ttwo.at[3] = bpf_ktime_get_ns();\n\tsum = __builtin_memcmp(&one, &two, 40) == 0;\n"
    )
    made = make(
        array("log") + '[objects.a]\nsource = "a.bpf.c"\nprograms.a = { hook = "xdp" }\n',
        a=program("a", body),
    )
    (entry,) = json.loads((tmp_path / "build/ebpf/compile_commands.json").read_text())
    words = [word for word in entry["arguments"] if not word.startswith("-fno-builtin")]
    assert set(entry["arguments"]) - set(words) == {"-fno-builtin-log", "-fno-builtin-a"}
    # without the flag the map log does not compile, so here it has another name
    for path in (tmp_path / "a.bpf.c", tmp_path / "build/ebpf/a/ebpf.h"):
        path.write_text(re.sub(r"\blog\b", "lag", path.read_text()))
    plain, told = tmp_path / "plain.o", tmp_path / "told.o"
    for target, flags in ((plain, []), (told, ["-fno-builtin-lag", "-fno-builtin-a"])):
        subprocess.run([*words[:-1], str(target), *flags], cwd=tmp_path, check=True, timeout=120)
    assert plain.read_bytes() == told.read_bytes()
    assert len(plain.read_bytes()) == len(made.objects[0].path.read_bytes())


def test_a_name_that_libbpf_or_a_macro_has_is_said_at_the_manifests_line(make) -> None:
    tables = (
        '[maps.bpf_map_lookup_elem]\ntype = "array"\nvalue = "header"\nmax_entries = 1\n'
        '[maps.ETH_P_IP]\ntype = "array"\nvalue = "u32"\nmax_entries = 1\n'
        '[globals.ebpf_license]\ntype = "u32"\nvalue = 1\n'
        '[types.header]\nstruct = { ETH_ALEN = "u32" }\n'
        '[types.end]\nenum = ["EPERM", "TRI_NO"]\n'
        '[types.ebpf_packet]\nstruct = { length = "u32" }\n'
        '[objects.one]\nsource = "one.bpf.c"\n'
        'programs.main = { hook = "xdp" }\nprograms.barrier = { hook = "xdp" }\n'
        'programs.xdp = { hook = "xdp" }\n'
        '[objects.two]\nsource = "two.bpf.c"\nprograms.two = { hook = "xdp" }\n'
    )
    uses = "\tbpf_map_lookup_elem; ETH_P_IP; ebpf_license;\n"
    with pytest.raises(ManifestError) as caught:
        make(tables, one=program("main", uses), two='#include "ebpf_packet.h"\n' + program("two"))
    assert str(caught.value).splitlines() == [
        f'ebpf.toml:{line}: {path}: {owner} has this name (seen "{path.split(".")[-1]}"); choose another name'
        for line, path, owner in (
            (4, "maps.bpf_map_lookup_elem", "a function of bpf_helper_defs.h"),
            (8, "maps.ETH_P_IP", "a macro of ebpf_constants.h"),
            (12, "globals.ebpf_license", "a variable of ebpf.h"),
            (23, "objects.one.programs.main", "the function that C programs begin with"),
            (24, "objects.one.programs.barrier", "a macro of bpf_helpers.h"),
            (25, "objects.one.programs.xdp", "a section of the object"),
            (16, "types.header.struct.ETH_ALEN", "a macro of ebpf_constants.h"),
            (18, "types.end.enum.EPERM", "a macro of ebpf_constants.h"),
            (18, "types.end.enum.TRI_NO", "a constant of bpf_helpers.h"),
            (19, "types.ebpf_packet", "a type of ebpf_packet.h"),
        )
    ]


def test_a_source_without_our_headers_has_these_names_to_itself(make, tmp_path: Path) -> None:
    (tmp_path / "own.bpf.c").write_text(
        '__attribute__((section("xdp"))) int barrier(void *ctx) { return 2; }\n'
        'char own[] __attribute__((section("license"))) = "GPL";\n'
    )
    made = make('[objects.own]\nsource = "own.bpf.c"\nprograms.barrier = { hook = "xdp" }\n')
    assert [each.name for each in objects.read_object(made.objects[0].path).programs] == ["barrier"]


def test_a_variable_that_is_called_like_its_section_is_said_so(make) -> None:
    """All that clang says of it are three lines without a place."""
    text = 'char license[] SEC("license") = "GPL";\n' + program("own")
    with pytest.raises(BuildError) as caught:
        make('[objects.own]\nsource = "own.bpf.c"\nprograms.own = { hook = "xdp" }\n', own=text)
    assert str(caught.value) == (
        'own does not compile\nerror: "license" is the name of a section and of a symbol; rename one'
    )


@pytest.fixture(scope="module")
def known() -> Reserved:
    """What a source has that includes ``ebpf_packet.h`` as well."""
    libbpf = [paths.libbpf_include() / "bpf" / header for header in LIBBPF_HEADERS]
    return reserved((*libbpf, *(paths.templates() / name for name in OURS)))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, kernel_btf: Callable[[str], Path]) -> Path:
    """A C file that includes them, where clang finds what it needs beside it."""
    folder = tmp_path_factory.mktemp("reserved")
    (folder / "ebpf.toml").write_text(
        f'{HEAD}[objects.a]\nsource = "a.bpf.c"\nprograms.a = {{ hook = "xdp" }}\n'
    )
    (folder / "a.bpf.c").write_text(f'#include "ebpf_packet.h"\n#include "ebpf.h"\n{program("a")}')
    build(folder / "ebpf.toml", kernel_btf=kernel_btf)
    return folder / "a.bpf.c"


def clang(source: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run clang on *text* as if it stood in *source* behind its includes."""
    folders = (source.parent / "build/ebpf/a", paths.libbpf_include(), paths.templates())
    includes = [word for folder in folders for word in ("-I", str(folder))]
    argv = [
        "clang-19",
        "-target",
        "bpf",
        "-std=gnu11",
        "-D__TARGET_ARCH_x86",
        *includes,
        *words,
        "-x",
        "c",
        "-",
    ]
    text = f'#include "ebpf_packet.h"\n#line 1 "names"\n{text}'
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=False, timeout=120)


def refused(source: Path, lines: Sequence[str]) -> set[int]:
    """The *lines*, from 1, that clang has an error for."""
    done = clang(source, "".join(f"{line}\n" for line in lines), "-fsyntax-only", "-ferror-limit=0")
    return {int(number) for number in re.findall(r"^names:(\d+):\d+: error:", done.stderr, re.MULTILINE)}


def test_every_function_and_type_that_is_refused_is_one_that_clang_does_not_take(
    known: Reserved, source: Path
) -> None:
    lines = [
        *(f"enum {{ {name} = 1 }};" for name in known.ordinary if not name.startswith("__")),
        *(f"struct {name} {{ int a; }};" for name in known.tags if "___" not in name),  # other architectures
    ]
    assert len(lines) > 230
    seen = refused(source, lines)
    assert [line for number, line in enumerate(lines, 1) if number not in seen] == []


def test_every_macro_is_known_and_no_other(known: Reserved, source: Path) -> None:
    """What clang says is defined, but for names that no declaration can have."""
    defined = set(re.findall(r"^#define (\w+)", clang(source, "", "-E", "-dM").stdout, re.MULTILINE))
    told = {*known.words, *known.calls} - {"main"}
    names = [{name for name in each if not name.startswith(("_", "bpf_target_"))} for each in (defined, told)]
    assert len(names[0]) > 150
    assert names[0] == names[1]
