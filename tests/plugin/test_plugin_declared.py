"""Objects and programs that the manifest declares for some of the kernels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_ebpf.kernels import KernelStore

BOTH = """
#include "ebpf.h"

SEC("xdp")
int pass(struct xdp_md *ctx)
{
    return XDP_PASS;
}

SEC("netfilter")
int inspect(struct bpf_nf_ctx *ctx)
{
    return NF_ACCEPT;
}
"""

DECLARED = """
[objects.both]
source = "both.bpf.c"
programs.pass = { hook = "xdp" }
programs.inspect = { hook = "netfilter", kernels = ">=6.4" }
"""

MODULE = """
def test_gate(ebpf):
    ebpf.load("gate")

def test_what_is_for_every_kernel(ebpf):
    both = ebpf.load("both")
    assert both.programs["pass"].run(bytes(64)).verdict == XDP.PASS
    assert both.programs.inspect.loaded == (ebpf.kernel.version.major * 100 + ebpf.kernel.version.minor > 603)

def test_what_is_for_some(ebpf):
    ebpf.load("both").programs.inspect.run(bytes(64))

@pytest.mark.xfail(reason="asks for it whatever is declared")
def test_what_is_asked_for_all_the_same(ebpf):
    assert not ebpf.load("both", autoload={"inspect": True}).programs.inspect.loaded
"""


@pytest.fixture
def narrower(edge: Path) -> Path:
    (edge / "both.bpf.c").write_text(BOTH)
    manifest = edge / "ebpf.toml"
    text = manifest.read_text().replace('source = "gate.bpf.c"', 'source = "gate.bpf.c"\nkernels = ">=6.4"')
    manifest.write_text(text + DECLARED)
    return edge


def test_elsewhere_it_is_unsupported_to_load_or_to_use_it(narrower, run):
    result = run(MODULE, "--ebpf-report", "out")
    assert result.ret == 0
    document = json.loads((narrower / "out" / "matrix.json").read_text())
    old, new = (str(KernelStore().get(line).version) for line in ("6.1", "6.12"))
    cells = {(each["row"].partition("::")[2], each["column"]): each for each in document["cells"]}
    said = {place: (each["outcome"], each["reason"]) for place, each in cells.items()}
    assert said["test_gate", old] == ("unsupported", "gate: declared for >=6.4")
    assert said["test_what_is_for_some", old] == ("unsupported", "programs.inspect: declared for >=6.4")
    assert said["test_what_is_for_every_kernel", old][0] == "passed"
    assert said["test_what_is_asked_for_all_the_same", old][0] == "unsupported"
    assert "declared" not in said["test_what_is_asked_for_all_the_same", old][1]
    assert {outcome for (_, column), (outcome, _) in said.items() if column == new} == {"passed", "xfailed"}


def test_a_matrix_of_the_manifest_leaves_it_out(narrower):
    build = Path(sys.executable).with_name("ebpf-build")
    done = subprocess.run(
        [build, "matrix", "--kernel", "all"],
        cwd=narrower,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    old, new = (str(KernelStore().get(line).version) for line in ("6.1", "6.12"))
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"program    {old}   {new}",
        "counter",
        "  count    pass      pass",
        "gate",
        "  inspect  unsup[1]  pass",
        "both",
        "  pass     pass      pass",
        "  inspect  unsup[1]  pass",
        "",
        "unsup: this kernel lacks what is needed",
        "[1] declared for >=6.4",
        "",
        "6 passed, 2 unsupported on 2 kernels",
    ]


ODD = """
#include "ebpf.h"

__u64 calls;

SEC("xdp/out")
int out(struct xdp_md *ctx)
{
    return XDP_DROP;
}

SEC("before")
int BPF_PROG(enters)
{
    __sync_fetch_and_add(&calls, 1);
    return 0;
}

SEC("policy")
int refuse(struct bpf_sock_addr *ctx)
{
    return 0;
}
"""

ODDLY = """
[objects.odd]
source = "odd.bpf.c"
programs.out = { hook = "xdp", section = "xdp/out" }
programs.enters = { hook = "fentry/__x64_sys_umask", section = "before" }
programs.refuse = { hook = "cgroup/connect4", section = "policy" }
"""

SECTIONS = """
def test_sections_that_libbpf_does_not_know(ebpf):
    odd = ebpf.load("odd")
    assert odd.programs.out.run(bytes(64)).verdict == XDP.DROP
    assert [link.program.name for link in odd.attach()] == ["enters"]
    process = ebpf.guest.process()
    process.syscall(95, 0o22)
    assert odd.globals.calls == 1
    group = ebpf.guest.cgroup("clients")
    with odd.programs.refuse.attach(cgroup=group), pytest.raises(PermissionError):
        ebpf.guest.process(cgroup=group).udp().connect(("127.0.0.1", 53))
"""


def test_the_hook_says_what_a_section_does_not(edge, run):
    (edge / "odd.bpf.c").write_text(ODD)
    manifest = edge / "ebpf.toml"
    manifest.write_text(manifest.read_text() + ODDLY)
    run(SECTIONS).assert_outcomes(passed=2)
