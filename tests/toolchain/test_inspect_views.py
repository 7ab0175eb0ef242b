"""The views of ``ebpf-build inspect``: sizes, requirements, disassembly, control flow."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pytest_ebpf.errors import ToolError
from pytest_ebpf.inspection import Inspection, graph, report
from pytest_ebpf.inspection.disassembly import disassemble
from pytest_ebpf.inspection.graph import blocks, to_dot

COMMAND = Path(sys.executable).with_name("ebpf-build")
ROOT = Path(__file__).parents[2]

SOURCE = r"""#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
struct task_struct { int pid; } __attribute__((preserve_access_index));
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32);
         __type(value, __u64); } counts SEC(".maps");
const volatile int limit = 100;
char *text = "a \"quoted\" \\ text";
static __noinline int local(struct xdp_md *ctx)
{
    return bpf_get_prandom_u32() & 1;
}
SEC("xdp")
int ingress(struct xdp_md *ctx)
{
    __u32 zero = 0;
    __u64 *count = bpf_map_lookup_elem(&counts, &zero);
    if (!count) /* a "quoted" \ text */
        return XDP_ABORTED;
    *count += 1;
    if (ctx->data_end - ctx->data > limit)
        return local(ctx);
    return XDP_PASS;
}
SEC("?kprobe/do_exit")
int probe(void *ctx)
{
    struct task_struct *task = (void *)bpf_get_current_task();
    return BPF_CORE_READ(task, pid);
}
char LICENSE[] SEC("license") = "GPL";
"""


@pytest.fixture(scope="module")
def path(compile_bpf) -> Path:
    return compile_bpf(SOURCE, "-fdebug-compilation-dir=.")


@pytest.fixture(scope="module")
def inspection(path: Path) -> Inspection:
    return Inspection.read(path)


@pytest.fixture
def call(path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """``call("--sizes")`` on the object; *PATH* is where tools are found."""

    def once(*words: str, tools: str | None = None) -> subprocess.CompletedProcess:
        env = os.environ if tools is None else {**os.environ, "PATH": tools}
        argv = [COMMAND, "inspect", path.name, *words]
        done = subprocess.run(
            argv, cwd=path.parent, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return once


PLACE = "prog.bpf.c:28:"
TASK = "(void *)bpf_get_current_task()"

PROBE = """\
int probe(void *ctx) in ?kprobe/do_exit
  ; ./prog.bpf.c:28: struct task_struct *task = (void *)bpf_get_current_task();
       0:       call 0x23  # bpf_get_current_task
       1:       w1 = 0x0
                0000000000000008:  CO-RE <byte_off> [ID] struct task_struct::pid (0:0)
"""


def test_disassembly_has_lines_helpers_and_relocations(call):
    done = call("--disassemble", "--program", "probe")
    assert done.returncode == 0, done.stderr
    text = re.sub(r"\[\d+\]", "[ID]", done.stdout)
    text = text.replace("r1 = 0x0\n", "w1 = 0x0\n")
    assert text.startswith(PROBE)


def test_disassembly_has_the_types_of_what_is_referred_to(inspection):
    lines = disassemble(inspection, "ingress").splitlines()
    assert [line.split(":  ", 1)[1] for line in lines if "R_BPF" in line] == [
        "R_BPF_64_64  counts  # map of type array",
        "R_BPF_64_64  limit  # of type int",
        "R_BPF_64_32  .text  # function",
    ]
    assert "int ingress(struct xdp_md *ctx) in xdp" in lines
    assert "int local(struct xdp_md *ctx) in .text" in lines
    assert not [line for line in lines if "probe" in line]


def test_every_instruction_is_there_once(inspection):
    wanted = sum(
        1
        for function in inspection.functions(None)
        for instruction in inspection.linker.body(function).instructions
        if instruction.code  # the second half of ldimm64 is no line
    )
    lines = disassemble(inspection).splitlines()
    assert (
        len([line for line in lines if re.match(r" *\d+: +\S", line) and not re.match(r" *\d{16}:", line)])
        == wanted
    )


def test_disassembly_without_llvm(call, tmp_path):
    done = call("--disassemble", tools=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ebpf-build: llvm-objdump-22: not found on PATH; apt-get install llvm-19\n"


def test_disassembly_that_fails(call, tmp_path):
    tool = tmp_path / "llvm-objdump"
    tool.write_text("#!/bin/sh\necho 'error: this is not it' >&2\nexit 3\n")
    tool.chmod(0o755)
    done = call("--disassemble", tools=f"{tmp_path}:/nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ebpf-build: prog.bpf.o: llvm-objdump: error: this is not it; is it a whole object?\n"
    )


def test_sizes(call):
    done = call("--sizes")
    assert done.returncode == 0, done.stderr
    sections, functions = done.stdout.split("\n\n")
    rows = [line.split(None, 4) for line in sections.splitlines()[2:]]
    by_name = {row[0]: row[1:] for row in rows}
    assert by_name["xdp"][3] == by_name["?kprobe/do_exit"][3] == "programs"
    assert by_name[".text"][3] == "subprograms"
    assert by_name[".rodata"] == ["progbits", "4", "4", "constants"]
    assert by_name[".data"] == ["progbits", "8", "8", "global data"]
    assert by_name["license"][3] == "licence"
    assert by_name[".maps"][3] == "maps"
    assert by_name[".BTF"][3] == "types"
    assert by_name[".BTF.ext"][3] == "lines and relocations"
    assert by_name[".symtab"][3] == "symbols"
    assert by_name[".debug_info"][3] == "DWARF, which no loader reads"
    assert rows[-1][0] == "total"
    assert int(rows[-1][1]) == sum(int(row[2]) for row in rows[:-1])
    lines = [line.split() for line in functions.splitlines()[2:]]
    assert [line[:2] for line in lines] == [
        ["local", ".text"],
        ["ingress", "xdp"],
        ["probe", "?kprobe/do_exit"],
    ]
    assert all(int(line[3]) == int(line[2]) * 8 for line in lines)
    assert [line[5] for line in lines] == ["prog.bpf.c:11", "prog.bpf.c:14", "prog.bpf.c:28"]


def test_requirements(call):
    done = call("--requirements", "--program", "probe")
    assert done.returncode == 0, done.stderr
    title, head, *rows = done.stdout.splitlines()
    assert (title, head.split()) == (f"Asked by probe ({len(rows)})", ["kind", "what", "how", "source"])
    assert [re.split("  +", row.strip()) for row in rows if "instruction" not in row] == [
        ["program type", "kprobe", f"{PLACE} struct task_struct *task = {TASK};"],
        ["kprobe", "do_exit", f"{PLACE} struct task_struct *task = {TASK};"],
        ["helper", "bpf_get_current_task", f"{PLACE} struct task_struct *task = {TASK};"],
        ["licence", "bpf_get_current_task", f"{PLACE} struct task_struct *task = {TASK};"],
        [
            "relocation",
            "struct task_struct::pid",
            "byte_off",
            "prog.bpf.c:29: return BPF_CORE_READ(task, pid);",
        ],
        ["helper", "bpf_probe_read_kernel", "prog.bpf.c:29: return BPF_CORE_READ(task, pid);"],
        ["licence", "bpf_probe_read_kernel", "prog.bpf.c:29: return BPF_CORE_READ(task, pid);"],
    ]
    assert call("--requirements").stdout.startswith("Asked by the object as a whole (")


def test_views_come_one_after_the_other(call):
    both = call("--sizes", "--requirements", "--program", "probe").stdout
    assert (
        both
        == call("--sizes", "--program", "probe").stdout
        + "\n"
        + call("--requirements", "--program", "probe").stdout
    )


def test_one_program_alone(call):
    text = call("--program", "ingress").stdout
    assert "Programs (1)" in text
    assert "counts" in text
    assert "limit" in text
    assert "text" not in text
    assert "CO-RE" not in text


def test_blocks_cover_the_program_without_overlap(inspection):
    for function in inspection.functions(None):
        found = blocks(inspection, function)
        covered = [index for each in found for index in range(each.first, each.last + 1)]
        assert covered == list(range(function.size // 8))
        firsts = {each.first for each in found}
        assert all(target in firsts for each in found for target, _ in each.successors)
        assert not found[-1].successors


def test_lines_are_quoted_as_they_are(compile_bpf):
    long = "return ctx->data_end & (1 | 2 | 4 | 8 | 16 | 32 | 64 | 128 | 256 | 512);"
    source = f"""#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int program(struct xdp_md *ctx)
{{
    bpf_get_prandom_u32() ? 1 :
    bpf_ktime_get_ns();
    {long}
}}
"""
    inspection = Inspection.read(compile_bpf(source, "-mcpu=v3"))
    (function,) = inspection.functions("program")
    lines = [line for each in blocks(inspection, function) for line in each.lines]
    assert lines == [
        'prog.bpf.c:3: SEC("xdp") int program(struct xdp_md *ctx)',
        "prog.bpf.c:5: bpf_get_prandom_u32() ? 1 :",
        "prog.bpf.c:6: bpf_ktime_get_ns();",
        "prog.bpf.c:7: return ctx->data_end & (1 | 2 | 4 | 8 | 16 | 32 | 64 | ...",
    ]
    asked = report.requirements_text(inspection, "program").splitlines()
    (row,) = [line for line in asked if "bpf_get_prandom_u32" in line and "helper" in line]
    assert row.endswith("  prog.bpf.c:5: bpf_get_prandom_u32() ? 1 :")


def test_the_picture_has_lines_calls_and_decisions(inspection):
    dot = to_dot(inspection, "ingress")
    assert 'label="ingress (xdp)";' in dot
    assert 'label="local (.text)";' in dot
    labels = re.findall(r'-> \w+ \[label="(.*?)"\]', dot)
    assert set(labels) == {"taken", "not taken"}
    assert re.search(r'f0_\d+ -> f1_0 \[style=dashed, label="call"\];', dot)
    assert r"prog.bpf.c:18: if (!count) /* a \"quoted\" \\ text */\l" in dot
    assert set(re.findall(r"calls (.*?)\\l", dot)) == {"bpf_map_lookup_elem", "bpf_get_prandom_u32"}


def test_graphviz_takes_the_picture(call):
    done = call("--graph", "svg")
    assert done.returncode == 0, done.stderr
    titles = {each.text for each in ET.fromstring(done.stdout).iter("{http://www.w3.org/2000/svg}title")}
    assert {"cluster_0", "cluster_1", "cluster_2"} <= titles
    assert 'prog.bpf.c:18: if (!count) /* a "quoted" \\ text */' in "".join(
        ET.fromstring(done.stdout).itertext()
    )


def test_the_picture_without_graphviz(call, tmp_path):
    done = call("--graph", "svg", tools=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ebpf-build: dot: not found on PATH; apt-get install graphviz, or take --graph dot\n"
    )
    assert call("--graph", "dot", tools=str(tmp_path)).stdout.startswith("digraph ")


def test_graphviz_that_fails(call, tmp_path):
    tool = tmp_path / "dot"
    tool.write_text("#!/bin/sh\nexec >&2\necho 'Error: no layout'\nexit 1\n")
    tool.chmod(0o755)
    done = call("--graph", "svg", tools=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ebpf-build: dot: Error: no layout; take --graph dot\n"


def test_graphviz_that_takes_too_long(tmp_path, monkeypatch):
    tool = tmp_path / "dot"
    tool.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(graph, "_TIMEOUT", 0.1)
    with pytest.raises(ToolError) as raised:
        graph.to_svg("digraph {}")
    assert str(raised.value) == (
        f"{tool}: did not finish within 0.1 s; take --program for a smaller picture, or --graph dot"
    )


def test_an_object_with_nothing_in_it(compile_bpf):
    empty = Inspection.read(compile_bpf("int unused;", "-g0"))
    assert disassemble(empty) == "There is no function in it."
    assert report.requirements_text(empty, None) == "It asks for nothing."
    assert "Functions" not in report.sizes_text(empty, None)
    assert graph.to_dot(empty).splitlines()[-1] == "}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--program", "ingres"],
            'prog.bpf.o: no such program (seen "ingres"); did you mean "ingress"?',
        ),
        (
            ["--graph", "dot", "--sizes"],
            "--graph: is a picture by itself; ask for the rest separately",
        ),
        (["--disassemble", "--format", "json"], "--disassemble: is text; leave --format json out"),
        (["--graph", "dot", "--json"], "--graph: is text; leave --format json out"),
    ],
)
def test_what_cannot_be_asked(call, words, said):
    done = call(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"ebpf-build: {said}\n")


def test_json_has_all_of_it(call):
    document = json.loads(call("--format", "json").stdout)
    assert json.loads(call("--json").stdout) == document
    assert [each["name"] for each in document["functions"]] == ["local", "ingress", "probe"]
    assert [(each["function"], each["target"], each["name"]) for each in document["references"]] == [
        ("ingress", "map", "counts"),
        ("ingress", "data", "limit"),
        ("ingress", "function", "local"),
    ]
    assert {each["name"] for each in document["sections"]} >= {"xdp", ".BTF", ".maps"}
    (relocation,) = [each for each in document["requirements"] if each["kind"] == "relocation"]
    assert (relocation["name"], relocation["relocation"]) == ("struct task_struct::pid", "byte_off")
    alone = json.loads(call("--format", "json", "--program", "probe").stdout)
    assert [each["name"] for each in alone["programs"]] == ["probe"]
    assert {each["program"] for each in alone["requirements"]} == {"probe"}


def test_the_document_is_described(call):
    """``docs/inspect.md`` names every key."""
    described = (ROOT / "docs" / "inspect.md").read_text()

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(keys, value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    document = json.loads(call("--format", "json").stdout)
    assert {key for key in keys(document) if f"`{key}`" not in described} == set()


def test_a_damaged_jump_is_no_edge(inspection, path, tmp_path):
    """The first conditional jump is led out of its function."""
    body = inspection.linker.body(inspection.functions("ingress")[0])
    index = next(
        at
        for at, each in enumerate(body.instructions)
        if each.code & 7 in {5, 6} and each.code & 0xF0 == 0x10
    )
    place = inspection.data.index(body.function.section.data) + body.function.start + index * 8
    wounded = bytearray(inspection.data)
    wounded[place + 2 : place + 4] = (30000).to_bytes(2, "little")
    target = tmp_path / "wounded.o"
    target.write_bytes(wounded)
    shown = Inspection.read(target)
    found = blocks(shown, shown.functions("ingress")[0])
    (block,) = [each for each in found if each.last == index]
    assert block.successors == ((index + 1, "not taken"),)
