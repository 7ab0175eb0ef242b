"""``ebpf-build check`` as it is called: on which kernels objects can work, and because of what not."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_ebpf.kernels import KernelStore

COMMAND = Path(sys.executable).with_name("ebpf-build")
EDGE = Path(__file__).parents[1] / "plugin" / "data" / "edge"

LOOPS = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int LINUX_KERNEL_VERSION __kconfig;

SEC("xdp")
int counts(void *ctx)
{
    return bpf_get_smp_processor_id() ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int tells_time(void *ctx)
{
    return bpf_ktime_get_tai_ns() ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int asks_first(void *ctx)
{
    if (LINUX_KERNEL_VERSION >= 0x060100)
        return bpf_ktime_get_tai_ns() ? XDP_PASS : XDP_DROP;
    return XDP_PASS;
}

SEC("?kprobe.multi/do_nanosleep")
int traces(void *ctx)
{
    return 0;
}

char LICENSE[] SEC("license") = "GPL";
"""

TOLD = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile int exact = 1;
const volatile int other = 1;

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, int);
    __type(value, long);
} sessions SEC(".maps");

SEC("xdp")
int tells_time(void *ctx)
{
    if (exact)
        return bpf_ktime_get_tai_ns() ? XDP_PASS : XDP_DROP;
    return bpf_map_lookup_elem(&sessions, &(int){other}) ? XDP_PASS : XDP_DROP;
}

SEC("fexit")
int opened(void *ctx)
{
    return 0;
}

SEC("fexit")
int opened_since_7(void *ctx)
{
    return 0;
}

SEC("netfilter")
int inspects(void *ctx)
{
    return 1;
}

char LICENSE[] SEC("license") = "GPL";
"""

DECLARED = """
[project]
name = "told"
kernels = ["5.10", "6.12"]
[objects.told]
path = "loops.bpf.o"
alternatives.watch = ["opened", "opened_since_7"]
[objects.told.load]
max_entries = { sessions = 16 }
globals = { exact = 0 }
[objects.told.programs]
tells_time = { hook = "xdp" }
opened = { hook = "fexit", target = "do_filp_open" }
opened_since_7 = { hook = "fexit", target = "do_file_open" }
inspects = { hook = "netfilter", kernels = ">=6.4" }
"""

EMPTY = 'char LICENSE[] __attribute__((section("license"))) = "GPL";\n'


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """``call("a.o", "--kernel", "6.1", cwd=folder)``."""

    def once(*words: object, cwd: Path = tmp_path, env: dict[str, str] | None = None):
        done = subprocess.run(
            [COMMAND, "check", *map(str, words)],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return once


@pytest.fixture
def loops(compile_bpf, tmp_path: Path) -> Path:
    return Path(shutil.copy(compile_bpf(LOOPS, name="loops.bpf.c"), tmp_path / "loops.bpf.o"))


def versions(*lines: str) -> list[str]:
    return [str(KernelStore().get(line).version) for line in lines]


def test_each_program_on_each_kernel(call, loops):
    old, new = versions("5.10", "6.12")
    done = call("loops.bpf.o", "--kernel", "6.12", "--kernel", "5.10")
    assert (done.returncode, done.stderr) == (1, "")
    assert re.sub(r"/\S+/loops", "loops", done.stdout).splitlines() == [
        f"program       {old}  {new}",
        "loops.bpf.o",
        "  counts      works     works",
        "  tells_time  NO[1]     works",
        "  asks_first  works     works",
        "  traces      NO[2]     works",
        "",
        "NO: cannot work there",
        (
            "[1] no helper bpf_ktime_get_tai_ns, at loops.bpf.c:16:"
            " return bpf_ktime_get_tai_ns() ? XDP_PASS : XDP_DROP; guard it with"
            " bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ktime_get_tai_ns),"
            " or use bpf_ktime_get_ns"
        ),
        "[2] no attach type trace_kprobe_multi, at loops.bpf.c:30; use kprobe",
        "",
        f"loops.bpf.o works on {new}",
        f"loops.bpf.o cannot work on {old}: tells_time[1]",
    ]


def test_a_kernel_where_all_that_is_loaded_works(call, loops):
    assert call("loops.bpf.o", "--kernel", "6.12").returncode == 0


def test_json_and_markdown(call, loops):
    done = call(loops, "--kernel", "5.10", "--format", "json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["kernels"]) == (1, False, versions("5.10"))
    programs = {each["program"]: each for each in document["objects"][0]["programs"]}
    assert programs["traces"]["required"] is False
    assert programs["traces"]["verdicts"][0]["reasons"][0]["stage"] == "attach"
    assert call(loops, "--kernel", "5.10", "--format", "markdown").stdout.startswith("| program | 5.10.")


def test_files_of_one_name_are_told_apart(call, loops, tmp_path):
    (tmp_path / "copy").mkdir()
    shutil.copy(loops, tmp_path / "copy")
    lines = call("loops.bpf.o", "copy/loops.bpf.o", "--kernel", "6.12").stdout.splitlines()
    assert [line for line in lines if line.endswith(".o")] == ["loops.bpf.o", "copy/loops.bpf.o"]


def test_a_manifest_is_a_promise(call, tmp_path):
    """Its objects are built, and held against the kernels it promises."""
    edge = shutil.copytree(EDGE, tmp_path / "edge")
    kept = call(cwd=edge)
    manifest = (edge / "ebpf.toml").read_text()
    promised = manifest.partition("kernels = ")[2].partition("\n")[0]
    assert json.loads(promised) == ["6.1", "6.12"]
    assert kept.returncode == 1
    assert f"NO[1]{' ' * (len(versions('6.1')[0]) - 5)}  works" in kept.stdout
    assert "[1] no program type netfilter, at gate.bpf.c:" in kept.stdout
    assert kept.stdout.endswith(f"\ngate cannot work on {versions('6.1')[0]}: inspect[1]\n")
    (edge / "ebpf.toml").write_text(manifest.replace(promised, '["6.12"]'))
    assert call(cwd=edge).returncode == 0
    assert call("--kernel", ">=6.1", cwd=edge).returncode == 0
    assert call("--kernel", "6.1", cwd=edge).returncode == 1
    assert call("-f", "edge/ebpf.toml").stdout == call(cwd=edge).stdout


def test_objects_of_the_manifest_by_name(call, tmp_path, loops):
    """And files beside them; what is called like an object is one."""
    edge = shutil.copytree(EDGE, tmp_path / "edge")
    one = call("counter", "--kernel", "6.12", cwd=edge)
    assert one.returncode == 0
    assert [line for line in one.stdout.splitlines() if " " not in line and line] == ["counter"]
    assert not (edge / "build/ebpf/gate.bpf.o").exists()
    both = call("../loops.bpf.o", "counter", "counter", "--kernel", "6.12", cwd=edge)
    names = [line for line in both.stdout.splitlines() if " " not in line and line]
    assert names == ["counter", "loops.bpf.o"]
    wrong = call("conter", "--kernel", "6.12", cwd=edge)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == (
        "ebpf-build: conter: no object of the manifest is called so, and no file either; "
        'did you mean "counter"?\n'
    )


def test_what_a_manifest_says_of_loading_is_known(call, compile_bpf, tmp_path):
    shutil.copy(compile_bpf(TOLD, name="told.bpf.c"), tmp_path / "loops.bpf.o")
    (tmp_path / "ebpf.toml").write_text(DECLARED)
    old, new = versions("5.10", "6.12")
    done = call()
    assert re.sub(r"/\S+/told", "told", done.stdout).splitlines() == [
        f"program           {old}  {new}",
        "told",
        "  tells_time      works     works",
        "  opened          works     works",
        "  opened_since_7  NO[1]     NO[1]",
        "  inspects        -         works",
        "",
        "NO: cannot work there",
        "-: declared for other kernels",
        "told: watch is one of opened, opened_since_7",
        "[1] no function do_file_open in its BTF, at told.bpf.c:31",
        "",
        "told works on all of them",
    ]
    assert done.returncode == 0
    less = re.sub(r"max_entries.*|globals.*", "", DECLARED).replace(">=6.4", "<7.0")
    (tmp_path / "ebpf.toml").write_text(less)
    done = call()
    assert [line.split() for line in done.stdout.splitlines()[2:6]] == [
        ["tells_time", "NO[1]", "?[2]"],
        ["opened", "?[2]", "?[2]"],
        ["opened_since_7", "NO[3]", "NO[3]"],
        ["inspects", "NO[4]", "?[2]"],
    ]
    assert "[2] the loader says how many entries map sessions has" in done.stdout
    assert done.returncode == 1


TRACES = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("fexit/counts")
int ends(void *ctx)
{
    return 0;
}

char LICENSE[] SEC("license") = "GPL";
"""


def test_what_traces_a_program_is_loaded_for_one(call, loops, compile_bpf, tmp_path):
    traces = compile_bpf(TRACES, name="traces.bpf.c")
    alone = call(traces, "--kernel", "6.12")
    assert "[1] no function counts in its BTF, at" in alone.stdout
    assert alone.returncode == 1
    shutil.copy(traces, tmp_path / "traces.bpf.o")
    done = call("loops.bpf.o", "traces.bpf.o", "--kernel", "6.12")
    assert "[1] the loader says in which program counts is" in done.stdout.splitlines()
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["gone.o", "--kernel", "6.1"], 1, "gone.o: cannot be read (No such file or directory);"),
        (["loops.bpf.o", "--kernel", "newest"], 2, "--kernel: not a kernel (newest);"),
        (["loops.bpf.o", "--kernel", "all"], 2, "--kernel: selects no kernel (all);"),
        (["--kernel", "6.1"], 2, "there is no ebpf.toml here or above; write one, or have"),
    ],
)
def test_what_cannot_be_understood(call, loops, words, status, message):
    done = call(*words)
    assert done.returncode == status
    assert message in done.stderr


def test_an_object_without_programs(call, compile_bpf):
    done = call(compile_bpf(EMPTY, name="empty.bpf.c"), "--kernel", "6.1")
    assert done.stderr == (
        'ebpf-build: prog.bpf.o: there is no program in it; give a function a SEC("xdp")\n'
    )


def test_without_a_kernel_to_check_against(call, loops, tmp_path):
    done = call("loops.bpf.o", env={"PYTEST_EBPF_CACHE": str(tmp_path / "nothing")})
    assert (done.returncode, done.stderr) == (
        2,
        "ebpf-build: --kernel: there is no kernel in the cache; name one, such as 6.1\n",
    )
