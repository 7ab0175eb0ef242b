"""Runs as people make them: up to the first failure, again, by two workers, without a manifest."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from pytest_ebpf import paths
from pytest_ebpf.kernels import KernelStore

OBJECTS = """
FRAME = bytes(64)

def test_takes_an_object_by_its_class(ebpf):
    counter = ebpf.load(Counter)
    assert isinstance(counter, Counter)
    assert counter.programs.count.run(FRAME).verdict == XDP.PASS
    assert (counter.maps.stats[0].packets, counter.maps.stats[0].bytes) == (1, 64)

def test_takes_an_object_by_its_name_with_other_globals(ebpf):
    counter = ebpf.load("counter", globals={"limit": 2})
    verdicts = [result.verdict for result in counter.programs.count.run_many([FRAME] * 3)]
    assert verdicts == [XDP.PASS, XDP.PASS, XDP.DROP]

def test_starts_from_nothing(ebpf):
    counter = ebpf.load(Counter)
    assert counter.globals.limit == 0
    assert counter.maps.stats[0].packets == 0

def test_keeps_two_loads_apart(ebpf):
    one, other = ebpf.load(Counter), ebpf.load(Counter)
    one.programs.count.run(FRAME)
    assert (one.maps.stats[0].packets, other.maps.stats[0].packets) == (1, 0)

def test_knows_its_kernel(ebpf, request):
    assert request.node.name == f"test_knows_its_kernel[{ebpf.kernel.line}]"
    assert repr(ebpf) == f"<ebpf on {ebpf.kernel.version}>"
"""


def test_two_workers_share_the_tests_and_tell_one_matrix(run, edge, version_of, no_machine_left):
    result = run(OBJECTS, "-n", "2", "--ebpf-report", "out")
    result.assert_outcomes(passed=10)
    document = json.loads((edge / "out" / "matrix.json").read_text())
    assert document["columns"] == [version_of("6.1"), version_of("6.12")]
    assert [row.removeprefix("test_edge.py::test_") for row in document["rows"]] == [
        "takes_an_object_by_its_class",
        "takes_an_object_by_its_name_with_other_globals",
        "starts_from_nothing",
        "keeps_two_loads_apart",
        "knows_its_kernel",
    ]


def test_a_worker_that_dies_leaves_a_cell_that_says_so(run, edge, version_of, no_machine_left):
    module = """
    def test_ends_its_process(ebpf):
        os._exit(3)

    def test_goes_on(ebpf):
        ebpf.load(Counter)
    """
    result = run(module, "-n", "2", "--ebpf-kernel", "6.12", "--ebpf-report", "out")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    document = json.loads((edge / "out" / "matrix.json").read_text())
    assert {(cell["row"], cell["column"], cell["outcome"]) for cell in document["cells"]} == {
        ("test_edge.py::test_ends_its_process", version_of("6.12"), "infrastructure"),
        ("test_edge.py::test_goes_on", version_of("6.12"), "passed"),
    }


def test_lf_runs_the_kernels_that_failed_and_x_stops_at_the_first(run, no_machine_left):
    module = """
    def test_counts(ebpf):
        assert ebpf.kernel.line == "6.1"

    def test_more(ebpf):
        pass
    """
    first = run(module, "-x")
    first.assert_outcomes(passed=1, failed=1)
    first.stdout.fnmatch_lines(
        ["test_edge.py", "  test_counts  pass*FAIL[[]1[]]", "[[]1[]] assert '6.12' == '6.1'"]
    )
    again = run(module, "--lf", "-v")
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["test_edge.py::test_counts[[]6.12[]] FAILED*"])
    again.stdout.no_fnmatch_line("*test_more*")


def test_what_no_kernel_can_do_is_no_failure(run):
    module = """
    def test_gate(ebpf):
        ebpf.load(Gate)
    """
    result = run(module, "--ebpf-kernel", "6.1")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "test_edge.py u *",
            "  test_gate  unsup[[]1[]]",
            "unsup: this kernel lacks *",
            "*= 1 unsupported in *",
        ]
    )


def test_an_object_built_elsewhere_needs_no_manifest(pytester, edge, no_machine_left):
    argv = ["clang-19", "-target", "bpf", "-O2", "-g", "-c", "plain.bpf.c", "-o", "plain.bpf.o"]
    (edge / "plain.bpf.c").write_text(PLAIN)
    headers = ["-I", paths.libbpf_include(), "-idirafter", "/usr/include/x86_64-linux-gnu"]
    subprocess.run([*argv, *headers], check=True, timeout=60)
    (edge / "ebpf.toml").unlink()
    pytester.makepyfile(
        """
        from pytest_ebpf import XDP

        def test_drops_short_packets(ebpf):
            plain = ebpf.load("plain.bpf.o", globals={"shortest": 100})
            assert plain.programs.longer_than.run(bytes(99)).verdict == XDP.DROP
            assert plain.programs.longer_than.run(bytes(100)).verdict == XDP.PASS
            assert dict(plain.maps.seen.items()) == {99: 1, 100: 1}
        """
    )
    result = pytester.runpytest_subprocess("-p", "ebpf", "--ebpf-kernel", "6.12")
    result.assert_outcomes(passed=1)


PLAIN = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 shortest = 60;

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16);
    __type(key, __u32);
    __type(value, __u64);
} seen SEC(".maps");

SEC("xdp")
int longer_than(struct xdp_md *ctx)
{
    __u32 length = ctx->data_end - ctx->data;
    __u64 one = 1;

    bpf_map_update_elem(&seen, &length, &one, BPF_ANY);
    return length < shortest ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
"""


def test_an_image_can_be_given_by_its_path(run, edge, version_of):
    kernel = KernelStore().get("6.12")
    shutil.copy(kernel.image, edge / "bzImage")
    result = run("def test_counts(ebpf): ebpf.load(Counter)\n", "--ebpf-kernel", "./bzImage", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "test_edge.py::test_counts[[]bzImage[]] PASSED*",
            f"test*{version_of('6.12')}",
            "  test_counts  pass",
        ]
    )


def test_a_boot_that_fails_is_tried_once_more(run, edge, monkeypatch):
    """A stand-in for QEMU ends at once the first time, as a host without memory would have it."""
    real = shutil.which("qemu-system-x86_64")
    (edge / "bin").mkdir()
    stand_in = edge / "bin" / "qemu-system-x86_64"
    stand_in.write_text(f'#!/bin/sh\nmkdir "{edge}/first" 2>/dev/null && exit 1\nexec {real} "$@"\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(stand_in.parent), prepend=":")
    result = run(
        "def test_counts(ebpf): ebpf.load(Counter)\n", "--ebpf-kernel", "6.12", "--ebpf-accelerator", "tcg"
    )
    assert (edge / "first").is_dir()
    result.assert_outcomes(passed=1)


def test_a_machine_that_never_comes_up_is_no_verdict(run, edge, monkeypatch):
    (edge / "bin").mkdir()
    stand_in = edge / "bin" / "qemu-system-x86_64"
    stand_in.write_text("#!/bin/sh\necho qemu: no memory left >&2\nexit 1\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(stand_in.parent), prepend=":")
    result = run(
        "def test_counts(ebpf): ebpf.load(Counter)\n", "--ebpf-kernel", "6.12", "--ebpf-accelerator", "tcg"
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "ebpf: test_edge.py::test_counts[[]6.12[]]: once more, on a kernel booted for it",
            "I *",
            "E *MachineError: *",
            "  test_counts  INFRA[[]1[]]",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
