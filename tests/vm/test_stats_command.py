"""``ebpf-build stats``: what the verifiers of two kernels have to do, held against budgets and a baseline."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from command import ebpf_build

from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.report import baseline_document, read_sizes

MANIFEST = """\
[project]
name = "edge"
kernels = ["5.10", "7.2"]

[test]
tolerance = 10

[objects.fw]
source = "fw.bpf.c"
programs.nested = { hook = "xdp", budget = { stack = 224 } }
programs.turns = { hook = "xdp" }
"""

SOURCE = """\
#include "ebpf.h"

static __attribute__((noinline)) int inner(int n)
{
    volatile char room[64];

    room[n & 63] = 1;
    return room[3];
}

SEC("xdp")
int nested(struct xdp_md *ctx)
{
    volatile char room[104];

    room[ctx->ingress_ifindex & 63] = 2;
    return inner(room[4]);
}

SEC("xdp")
int turns(struct xdp_md *ctx)
{
    int sum = 0;

    for (int i = 0; i < 200; i++) {
        if (bpf_get_prandom_u32() & 1)
            sum += i;
        __asm__ volatile("" ::"r"(sum));
    }
    return sum & 1;
}

char _license[] SEC("license") = "GPL";
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a program that calls another function, and one that loops."""
    root = tmp_path_factory.mktemp("stats")
    (root / "ebpf.toml").write_text(MANIFEST)
    (root / "fw.bpf.c").write_text(SOURCE)
    return root


def stats(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return ebpf_build(folder, "stats", *words)


@pytest.fixture(scope="module")
def told(project: Path) -> str:
    """The figures on both kernels, as JSON."""
    done = stats(project, "--format", "json")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_kernels_tell_all_figures(told: str) -> None:
    old, new = (str(KernelStore().get(line).version) for line in ("5.10", "7.2"))
    sizes = {(each.program, each.column): each for each in read_sizes(told)}
    assert [*sizes] == [(program, column) for program in ("nested", "turns") for column in (old, new)]
    for each in sizes.values():
        assert each.states is not None
        assert each.peak_states is not None
        assert each.load_time is not None
        assert each.states >= each.peak_states
        assert 0 < each.load_time < 30
    for column in (old, new):
        assert 168 <= (sizes["nested", column].stack or 0) <= 192  # of both functions
        assert sizes["nested", column].verified_insns < 50 < 1000 < sizes["turns", column].verified_insns
        assert sizes["turns", column].stack == 0
    assert json.loads(told)["exceeded"] == []


def test_text_and_an_earlier_time(project: Path, told: str) -> None:
    document = json.loads(told)
    for each in document["programs"]:
        each["verified_insns"] = each["verified_insns"] * 2 // 3
    (project / "earlier.json").write_text(json.dumps(document))
    done = stats(project, "--kernel", "7.2", "--against", "earlier.json")
    assert done.returncode == 1
    column = str(KernelStore().get("7.2").version)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["kernel", "instructions", "states", "at", "once", "stack", "time"]
    assert lines[3] == "fw: turns"
    assert lines[4].split()[:2] == [column, "+50"]
    assert lines[4].split()[3].endswith("!")
    assert f"fw: turns on {column}: " in done.stderr
    assert "% over the " in done.stderr
    assert "of earlier.json (10 % are tolerated); make the program simpler" in done.stderr


def test_a_baseline_is_written_and_held_against(project: Path, told: str) -> None:
    done = stats(project, "--write", "--format", "markdown")
    assert done.returncode == 0
    assert done.stderr.endswith("wrote ebpf-baseline.json\n")
    assert done.stdout.startswith("| program | kernel | instructions |")
    written = (project / "ebpf-baseline.json").read_text()
    assert written == baseline_document(read_sizes(told))
    (project / "ebpf.toml").write_text(
        MANIFEST.replace("tolerance", 'baseline = "ebpf-baseline.json"\ntolerance').replace("224", "100")
    )
    try:
        again = stats(project, "fw", "--kernel", "5.10")
    finally:
        (project / "ebpf.toml").write_text(MANIFEST)
    assert again.returncode == 1
    (line,) = again.stderr.splitlines()[1:]
    assert line.startswith("fw: nested on 5.10.")
    assert "bytes of stack, " in line
    assert line.endswith(
        " % over the budget of 100 (ebpf.toml:11); make the program simpler, or raise the budget"
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["fx"], "fx: no object of the manifest is called so, and no file either; known: fw"),
        (
            ["--against", "none.json"],
            (
                "--against: none.json: cannot be read (No such file or directory); give a baseline, what "
                "ebpf-build stats --format json printed, or a matrix.json"
            ),
        ),
    ],
)
def test_misuse(project: Path, words: list[str], problem: str) -> None:
    done = stats(project, *words)
    assert (done.returncode, done.stderr) == (2, f"ebpf-build: {problem}\n")


def test_a_program_that_is_refused_has_no_figures_and_is_no_success(project: Path) -> None:
    (project / "bad.bpf.c").write_text(
        '#include "ebpf.h"\nSEC("xdp")\nint endless(struct xdp_md *ctx)\n{\n    for (;;)\n'
        '        bpf_get_prandom_u32();\n}\nchar _license[] SEC("license") = "GPL";\n'
    )
    (project / "ebpf.toml").write_text(
        MANIFEST + '[objects.bad]\nsource = "bad.bpf.c"\nprograms.endless = { hook = "xdp" }\n'
    )
    try:
        done = stats(project, "bad", "--kernel", "7.2")
    finally:
        (project / "ebpf.toml").write_text(MANIFEST)
    assert done.returncode == 1
    assert "endless" not in done.stdout
    assert "bad: endless on 7.2." in done.stderr
    assert ": failed: " in done.stderr
