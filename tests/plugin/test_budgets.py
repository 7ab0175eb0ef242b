"""What the verifier may have to do: markers, the manifest, a baseline that is written and kept to."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_ebpf.report import read_sizes

MODULE = """
@pytest.mark.ebpf_budget(verified_insns=10_000, stack=512)
def test_keeps_to_it(ebpf):
    ebpf.load(Counter)

@pytest.mark.ebpf_budget(verified_insns=1)
def test_exceeds_it(ebpf):
    ebpf.load(Counter)

@pytest.mark.ebpf_budget(verified_insns=1, program="count")
@pytest.mark.ebpf_kernel(">=6.4", reason="netfilter programs")
def test_is_for_one_program(ebpf):
    ebpf.load(Gate)
    ebpf.load(Counter)

@pytest.mark.ebpf_budget(verified_insns=1, program="inspect")
def test_is_for_another_program(ebpf):
    ebpf.load(Counter)

@pytest.mark.ebpf_budget(verified_insns=1)
@pytest.mark.xfail(reason="known to be large", strict=True)
def test_is_known_to_exceed_it(ebpf):
    ebpf.load(Counter)

@pytest.mark.ebpf_budget(verified_insns=1)
def test_fails_by_itself(ebpf):
    ebpf.load(Counter)
    assert False

@pytest.mark.ebpf_budget(insns=1)
def test_marker_is_wrong(ebpf):
    ebpf.load(Counter)
"""

ONE = """
def test_counts(ebpf):
    ebpf.load(Counter, globals={"limit": 1})
    ebpf.load(Counter)
"""


@pytest.fixture(params=["one process", "workers"])
def outcome(request, shared_run):
    """One run of all that, on 6.1 and on 6.12, by one process and by pytest-xdist."""
    options = ["-v", "--ebpf-report", "reports"]
    if request.param == "workers":
        return shared_run("budgets-workers", MODULE, *options, "-n", "2")
    return shared_run("budgets", MODULE, *options)


@pytest.fixture
def cells(outcome):
    return outcome.cells


def over(version: str, line: int) -> str:
    return (
        rf"counter: count on {re.escape(version)}: \d+ verified instructions, [\d,]+ % over the budget of 1 "
        rf"\(test_edge.py:{line}: @pytest.mark.ebpf_budget\); make the program simpler, or raise the budget"
    )


def test_a_budget_that_is_kept_passes(cells):
    assert cells["test_keeps_to_it", "6.1"] == cells["test_keeps_to_it", "6.12"] == ("passed", None)


def test_one_that_is_exceeded_fails_the_cell(outcome, cells, version_of):
    assert outcome.status == 1
    for line in ("6.1", "6.12"):
        kind, reason = cells["test_exceeds_it", line]
        assert kind == "failed"
        assert re.fullmatch(over(version_of(line), 11), reason)
    told = [line for line in outcome.below("test_exceeds_it[6.1]").splitlines() if not line.startswith("[gw")]
    assert told[0] == cells["test_exceeds_it", "6.1"][1]


def test_a_budget_of_one_program(cells, version_of):
    kind, reason = cells["test_is_for_one_program", "6.12"]
    assert kind == "failed"
    assert re.fullmatch(over(version_of("6.12"), 15), reason)


def test_a_program_that_is_not_loaded_is_within_no_budget(cells):
    kind, reason = cells["test_is_for_another_program", "6.1"]
    assert kind == "failed"
    assert reason == (
        'test_edge.py:21: @pytest.mark.ebpf_budget: the test has loaded no program "inspect"; known: count'
    )


def test_exceeding_one_can_be_expected(cells):
    assert cells["test_is_known_to_exceed_it", "6.12"] == ("xfailed", "known to be large")


def test_the_failure_of_the_test_comes_first(cells):
    assert cells["test_fails_by_itself", "6.1"] == ("failed", "assert False")


def test_a_wrong_marker_says_so(outcome):
    assert (
        "@pytest.mark.ebpf_budget: takes numbers for verified_insns, states, peak_states, stack, and the "
        'name of a program; write (verified_insns=10000, stack=256), or add program="ingress"'
    ) in outcome.output


def test_the_report_has_the_figures_of_every_kernel(outcome, version_of):
    document = json.loads(Path(outcome.folder, "reports", "matrix.json").read_text())
    counted = {each["column"]: each for each in document["programs"] if each["program"] == "count"}
    assert set(counted) == {version_of("6.1"), version_of("6.12")}
    for each in counted.values():
        assert each["verified_insns"] > 10
        assert each["states"] >= each["peak_states"] > 0
        assert each["load_time"] > 0


def declare(folder: Path, old: str, new: str) -> None:
    manifest = folder / "ebpf.toml"
    text = manifest.read_text()
    assert old in text
    manifest.write_text(text.replace(old, new))


def test_a_budget_of_the_manifest_fails_what_loads_the_program(edge, run):
    declare(edge, '{ hook = "xdp" }', '{ hook = "xdp", budget = { verified_insns = 5, stack = 512 } }')
    result = run(ONE, "--ebpf-kernel", "6.12")
    assert result.ret == 1
    result.stdout.re_match_lines(
        [r"counter: count on 6\.12\.\d+: \d+ verified instructions, .* budget of 5 \(ebpf.toml:21\);"]
    )


def test_a_baseline_is_written_and_then_kept_to(edge, run):
    declare(edge, "[types.counters]", '[test]\nbaseline = "base.json"\ntolerance = 0\n[types.counters]')
    missing = run(ONE, "--ebpf-kernel", "6.12")
    assert missing.ret == pytest.ExitCode.USAGE_ERROR
    missing.stderr.fnmatch_lines(
        [
            (
                "ERROR: ebpf.toml:*: test.baseline: base.json: cannot be read (No such file or directory); "
                "write it: ebpf-build stats --write"
            )
        ]
    )
    written = run(ONE, "--ebpf-kernel", "6.12", "--ebpf-write-baseline", "-n", "1")
    assert written.ret == 0
    written.stdout.fnmatch_lines(["baseline: base.json"])
    (size,) = read_sizes((edge / "base.json").read_text())
    assert (size.object, size.program) == ("counter", "count")
    assert run(ONE, "--ebpf-kernel", "6.12").ret == 0
    insns = size.verified_insns
    lower = (
        (edge / "base.json")
        .read_text()
        .replace(f'"verified_insns": {insns}', f'"verified_insns": {insns - 1}')
    )
    (edge / "base.json").write_text(lower)
    result = run(ONE, "--ebpf-kernel", "6.12")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [f"counter: count on 6.12.*: {insns} verified instructions, * over the {insns - 1} of base.json *"]
    )


def test_a_baseline_that_cannot_be_written_is_no_success(edge, run):
    (edge / "ebpf-baseline.json").write_text("precious")
    result = run(ONE, "--ebpf-kernel", "6.12", "--ebpf-write-baseline")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [f"ERROR: --ebpf-write-baseline: {edge}/ebpf-baseline.json: is not JSON (*); remove it, *"]
    )
    assert (edge / "ebpf-baseline.json").read_text() == "precious"
