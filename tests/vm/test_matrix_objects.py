"""``ebpf-build matrix``: objects from any build on real kernels, program by program."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command import COMMAND, ebpf_build

from pytest_ebpf import paths
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.session.fleet import Fleet

MANY = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} hits SEC(".maps");

SEC("xdp")
int good(struct xdp_md *ctx)
{
    return XDP_PASS;
}

SEC("xdp")
int unchecked(struct xdp_md *ctx)
{
    __u32 zero = 0;
    __u64 *found = bpf_map_lookup_elem(&hits, &zero);

    *found += 1;
    return XDP_PASS;
}

SEC("netfilter")
int gate(void *ctx)
{
    return 1;
}

SEC("?tc")
int optional(struct __sk_buff *skb)
{
    return 0;
}

char _license[] SEC("license") = "GPL";
"""

SMALL = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int good(struct xdp_md *ctx)
{
    return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
"""


UNSIZED = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __type(key, __u32);
    __type(value, __u64);
} counts SEC(".maps");

SEC("xdp")
int count(struct xdp_md *ctx)
{
    __u32 key = 0;
    return bpf_map_lookup_elem(&counts, &key) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
"""

TIED = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int first(struct __sk_buff *skb);
int second(struct __sk_buff *skb);
struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 2);
    __uint(key_size, 4);
    __array(values, int (struct __sk_buff *));
} calls SEC(".maps") = { .values = { first, second } };

SEC("tc")
int first(struct __sk_buff *skb)
{
    bpf_tail_call(skb, &calls, 1);
    return 0;
}

SEC("tc")
int second(struct __sk_buff *skb)
{
    return 1;
}

char _license[] SEC("license") = "GPL";
"""


@pytest.fixture(scope="module", autouse=True)
def _snapshots(accelerator_decided: None) -> None:
    """Who makes a snapshot first says so, which no test here expects."""
    fleet = Fleet(KernelStore(lock=None, say=print), say=print)
    fleet.prepare(("5.10", "6.1", "6.12"))
    fleet.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Objects made by plain clang; no ``ebpf.toml`` far and wide."""
    root = tmp_path_factory.mktemp("elsewhere")
    headers = ["-I", paths.libbpf_include(), "-idirafter", "/usr/include/x86_64-linux-gnu"]
    for name, text in (("many", MANY), ("small", SMALL), ("unsized", UNSIZED), ("tied", TIED)):
        (root / f"{name}.bpf.c").write_text(text)
        argv = ["clang-19", "-target", "bpf", "-O2", "-g", "-mcpu=v3", *headers]
        subprocess.run(
            [*argv, "-c", f"{name}.bpf.c", "-o", f"{name}.bpf.o"], cwd=root, check=True, timeout=60
        )
    (root / "copy").mkdir()
    shutil.copy(root / "small.bpf.o", root / "copy" / "small.bpf.o")
    return root


def matrix(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return ebpf_build(folder, "matrix", *words)


def test_a_size_that_is_left_to_the_loader(folder):
    done = matrix(folder, "unsized.bpf.o", "--kernel", "6.12")
    assert done.returncode == 1
    said = "map counts has no max_entries: a loader sets it, as `ebpf-build adopt` can declare"
    assert said in " ".join(done.stdout.split())


def test_each_program_stands_for_itself(folder):
    """One that is refused does not spoil its neighbours, and the reason is the same on both kernels."""
    old, new = (str(KernelStore().get(line).version) for line in ("6.1", "6.12"))
    done = matrix(folder, "many.bpf.o", "--kernel", "6.12,6.1")
    assert done.returncode == 1
    assert done.stderr.startswith("loading 4 programs on 2 kernels\n")
    assert done.stdout.splitlines() == [
        f"program      {old}   {new}",
        "many.bpf.o",
        "  good       pass      pass",
        "  unchecked  FAIL[1]   FAIL[1]",
        "  gate       unsup[2]  pass",
        "  optional   pass      pass",
        "",
        "unsup: this kernel lacks what is needed",
        "[1] what bpf_map_lookup_elem returned may be null where memory is read through",
        "    it, at many.bpf.c:24: *found += 1;",
        "[2] this kernel has no netfilter programs",
        "",
        "5 passed, 2 failed, 1 unsupported on 2 kernels",
    ]


def test_programs_that_an_array_is_made_with_are_loaded_with_each(folder):
    done = matrix(folder, "tied.bpf.o", "--kernel", "6.12", "--json")
    cells = {cell["row"]: cell["outcome"] for cell in json.loads(done.stdout)["cells"]}
    assert cells == {"tied.bpf.o: first": "passed", "tied.bpf.o: second": "passed"}


def test_json_and_success(folder):
    done = matrix(folder, "small.bpf.o", "--kernel", "6.12", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["rows"]) == (0, True, ["small.bpf.o: good"])


def test_markdown_with_files_of_one_name_told_apart(folder):
    done = matrix(folder, "small.bpf.o", "copy/small.bpf.o", "small.bpf.o", "--kernel", "6.12", "--markdown")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[2:] == [
        "| `small.bpf.o: good` | pass |",
        "| `copy/small.bpf.o: good` | pass |",
        "",
        "2 passed on 1 kernel",
    ]


def test_what_a_kernel_lacks_is_no_failure(folder):
    done = matrix(folder, "many.bpf.o", "--kernel", "5.10", "--json")
    cells = {cell["row"]: cell["outcome"] for cell in json.loads(done.stdout)["cells"]}
    assert cells["many.bpf.o: gate"] == "unsupported"
    assert cells["many.bpf.o: optional"] == "passed"


def test_ctrl_c_ends_it_at_once_and_its_machines(folder):
    process = subprocess.Popen(
        [COMMAND, "matrix", "many.bpf.o", "--kernel", "5.10,6.1,6.12"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (machines := children(process.pid)):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "")
    assert errors.splitlines() == ["loading 4 programs on 3 kernels", "ebpf-build: interrupted"]
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in machines):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children(pid: int) -> list[str]:
    """The processes that any thread of *pid* has started."""
    try:
        return [
            child
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []
