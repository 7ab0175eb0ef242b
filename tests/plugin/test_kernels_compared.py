"""What can be said of a test only when it has met every kernel: whether they agree, whether it ran at all."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import parse

import pytest

MODULE = """
FRAME = bytes(64)

@pytest.mark.ebpf_same_on_all_kernels
def test_agrees(ebpf):
    ebpf.load(Counter).programs.count.run(FRAME)

@pytest.mark.ebpf_same_on_all_kernels
def test_verdict_differs(ebpf):
    limit = 1 if ebpf.kernel.version.minor == 1 else 0
    counter = ebpf.load(Counter, globals={"limit": limit})
    counter.programs.count.run_many([FRAME, FRAME])

@pytest.mark.ebpf_same_on_all_kernels
def test_map_differs(ebpf):
    counter = ebpf.load(Counter)
    if ebpf.kernel.version.minor == 1:
        counter.maps.stats[0] = {"packets": 1, "bytes": 0}

@pytest.mark.ebpf_same_on_all_kernels(ignore=["maps.stats.packets"])
def test_differs_in_what_is_ignored(ebpf):
    counter = ebpf.load(Counter)
    counter.maps.stats[0] = {"packets": ebpf.kernel.version.minor, "bytes": 0}

@pytest.mark.ebpf_same_on_all_kernels(ignore="IP.id")
def test_marker_is_wrong(ebpf):
    pass

@pytest.mark.ebpf_kernel(">=6.4", reason="we think")
def test_runs_lower_too(ebpf):
    ebpf.load(Counter)

@pytest.mark.ebpf_kernel(">=6.4", reason="netfilter programs")
def test_needs_its_range(ebpf):
    ebpf.load(Gate)

@pytest.mark.ebpf_kernel(">=9.0", reason="to come")
def test_never_runs(ebpf):
    pass
"""


@pytest.fixture(params=["one process", "workers"])
def outcome(request, shared_run):
    """One run of all that, on 6.1 and on 6.12, by one process and by pytest-xdist."""
    options = ["-v", "-rs", "--ebpf-report", "reports", "--ebpf-below-range", "--junitxml", "junit.xml"]
    if request.param == "workers":
        return shared_run("compared-workers", MODULE, *options, "-n", "2")
    return shared_run("compared", MODULE, *options)


@pytest.fixture
def cells(outcome):
    return outcome.cells


def test_kernels_that_agree_pass(cells):
    for test in ("test_agrees", "test_differs_in_what_is_ignored"):
        assert cells[test, "6.1"] == cells[test, "6.12"] == ("passed", None)


def test_kernels_that_differ_fail_with_the_first_difference(cells):
    said = "not the same on all kernels: run 2 of count: verdict"
    assert cells["test_verdict_differs", "6.1"] == cells["test_verdict_differs", "6.12"] == ("failed", said)
    said = "not the same on all kernels: counter: maps.stats[0].packets"
    assert cells["test_map_differs", "6.1"] == ("failed", said)


def test_the_report_groups_the_kernels(outcome, version_of):
    failure = outcome.below("test_verdict_differs[6.1]").splitlines()
    width = len(version_of("6.12"))
    assert [line.strip() for line in failure[1:3]] == [
        f"{version_of('6.1'):<{width}}  XDP.DROP",
        f"{version_of('6.12'):<{width}}  XDP.PASS",
    ]


def test_the_kernels_are_run_again_together(outcome):
    lines = outcome.below("test_verdict_differs[6.1]").splitlines()
    assert (
        "pytest -p ebpf 'test_edge.py::test_verdict_differs[6.1]' "
        "'test_edge.py::test_verdict_differs[6.12]' --ebpf-kernel 6.1,6.12"
    ) in lines


def test_a_wrong_marker_says_so(outcome):
    assert (
        "@pytest.mark.ebpf_same_on_all_kernels: takes names to ignore, and nothing else; "
        'write (ignore=["maps.seen", "IP.id"])'
    ) in outcome.output


def test_a_range_that_could_be_lowered_is_a_hint(outcome, version_of):
    old, new = version_of("6.1"), version_of("6.12")
    assert outcome.below("eBPF kernel ranges").splitlines() == [
        f"test_edge.py::test_runs_lower_too: >=6.4: we think: could be lowered, it passes on {old} too",
        f"test_edge.py::test_never_runs: >=9.0: to come: could be lowered, it passes on {old}, {new} too",
    ]


def test_what_is_outside_its_range_stays_skipped_for_its_reason(cells):
    assert cells["test_runs_lower_too", "6.1"] == ("skipped", ">=6.4: we think")
    assert cells["test_needs_its_range", "6.1"] == ("skipped", ">=6.4: netfilter programs")
    assert cells["test_needs_its_range", "6.12"] == ("passed", None)


def test_a_test_that_never_ran_is_an_error(outcome):
    assert (
        "test_edge.py::test_never_runs: never ran, on none of the project's kernels (6.1, 6.12): "
        ">=9.0: to come; widen the range of ebpf_kernel, or promise a kernel that is in it"
    ) in outcome.output


def test_cells_are_counted_once(outcome):
    counts = outcome.lines[-1].strip("= ").partition(" in ")[0]
    assert counts == "4 failed, 6 passed, 4 skipped, 3 errors"
    assert outcome.status == pytest.ExitCode.TESTS_FAILED


def test_junit_has_each_cell_once(outcome):
    (suite,) = parse(Path(outcome.folder, "junit.xml")).getroot()
    cases = {case.get("name"): case for case in suite}
    differs = cases["test_verdict_differs[6.1]"]
    assert [each.tag for each in differs] == ["properties", "failure"]
    assert differs[1].get("message").startswith("not the same on all kernels: run 2 of count: verdict")
    assert {each.get("name"): each.get("value") for each in differs[0]}["ebpf_outcome"] == "failed"
    assert len(cases) == len(suite) == int(suite.get("tests"))
    failing = [case for case in suite if case.find("failure") is not None]
    assert len(failing) == int(suite.get("failures")) == 4


@pytest.mark.parametrize("options", [["--ebpf-kernel", "6.12"], ["-k", "6.12"]])
def test_a_narrowed_run_does_not_ask_whether_a_test_ever_ran(run, options):
    result = run(
        """
        @pytest.mark.ebpf_kernel("<6.4", reason="gone later")
        def test_old(ebpf):
            pass
        """,
        *options,
    )
    assert result.ret == pytest.ExitCode.OK
    assert "never ran" not in result.stdout.str()


def test_a_run_that_is_quiet_says_nothing_of_its_work(run):
    result = run("def test_passes(ebpf): ebpf.load('counter')", "-q")
    assert not [line for line in result.outlines if line.startswith("ebpf: ")]
