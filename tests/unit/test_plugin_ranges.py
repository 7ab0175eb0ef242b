"""Ranges of kernels: what becomes of a test outside of its own, and what is said when all have run."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest

from pytest_ebpf.errors import UsageError
from pytest_ebpf.kernels import Version
from pytest_ebpf.plugin import outcomes, ranges
from pytest_ebpf.plugin.ranges import Ranges
from pytest_ebpf.report import Outcome

RELEASE = Version(6, 1, 192)


def item(*markers, found=None):
    """A test with these markers, the nearest first, of which *found* is remembered."""
    stash = pytest.Stash()
    if found:
        stash[ranges.KEY] = found
    marks = [marker.mark for marker in markers]
    return SimpleNamespace(
        location=("test_it.py", 6, "test_x"), iter_markers=lambda _: iter(marks), stash=stash
    )


def marked(*args, **kwargs):
    return pytest.mark.ebpf_kernel(*args, **kwargs)


@pytest.mark.parametrize(
    ("markers", "text", "side"),
    [
        ([marked(">=6.4", reason="nothing older")], ">=6.4: nothing older", "lowered"),
        ([marked(">6.1", reason="a")], ">6.1: a", "lowered"),
        ([marked(">=5.10, <6.1", reason="b")], ">=5.10, <6.1: b", "raised"),
        ([marked("!=6.1", reason="c")], "!=6.1: c", "wider"),
        ([marked("==6.12", reason="d")], "==6.12: d", "wider"),
        ([marked(">=5.10", reason="in"), marked(">=6.4", reason="out")], ">=6.4: out", "lowered"),
        ([marked("<6", reason="is no range"), marked(">=6.4", reason="x")], None, None),
    ],
)
def test_the_first_range_that_a_kernel_is_not_in(markers, text, side):
    if text is None:
        with pytest.raises(UsageError, match=r"^test_it.py:7: @pytest.mark.ebpf_kernel: not a range"):
            ranges.outside(item(*markers), RELEASE)
    else:
        assert ranges.outside(item(*markers), RELEASE) == ranges.Outside(text, side)


def test_a_kernel_that_is_in_every_range_is_outside_of_none():
    assert ranges.outside(item(), RELEASE) is None
    assert (
        ranges.outside(item(marked(">=5.10,<6.2", reason="a"), marked("==6.1", reason="b")), RELEASE) is None
    )


@pytest.mark.parametrize(
    "wrong",
    [
        marked(),
        marked(">=6.1"),
        marked(">=6.1", "why"),
        marked(6.1, reason="why"),
        marked(">=6.1", reason=1),
        marked(">=6.1", reason="why", strict=True),
        marked(reason="why"),
    ],
    ids=str,
)
def test_a_marker_takes_one_range_and_a_reason(wrong):
    with pytest.raises(UsageError) as caught:
        ranges.outside(item(wrong), RELEASE)
    assert str(caught.value) == (
        'test_it.py:7: @pytest.mark.ebpf_kernel: takes one range and a reason; write (">=5.15", reason="why")'
    )


def of_phase(when, outcome="passed", *, kernel="6.1", row="test_it.py::test_x"):
    report = pytest.TestReport(f"{row}[{kernel}]", ("test_it.py", 6, "test_x"), {}, outcome, None, when)
    outcomes.attach(report, outcomes.Phase(row, 7, kernel, f"{kernel}.9", outcome, "", 1.0))
    return report


FOUND = ranges.Outside(">=6.4: why", "lowered")


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.PASSED])
@pytest.mark.parametrize("when", ["setup", "call", "teardown"])
def test_whatever_becomes_of_a_test_outside_of_its_range_it_is_skipped(when, outcome):
    report = of_phase(when, "failed")
    report.wasxfail = "known"
    assert ranges.excuse(report, item(found=FOUND), outcome) == (Outcome.SKIPPED, FOUND.text)
    assert (report.outcome, report.longrepr) == ("skipped", ("test_it.py", 7, "Skipped: >=6.4: why"))
    assert not hasattr(report, "wasxfail")
    assert not report.ebpf_outside["passed"]


def test_that_a_test_passes_outside_of_its_range_is_told_of_its_call_alone():
    setup, call = of_phase("setup"), of_phase("call")
    assert ranges.excuse(setup, item(found=FOUND), Outcome.PASSED) == (Outcome.PASSED, "")
    assert (setup.outcome, hasattr(setup, "ebpf_outside")) == ("passed", False)
    assert ranges.excuse(call, item(found=FOUND), Outcome.PASSED) == (Outcome.SKIPPED, FOUND.text)
    assert call.ebpf_outside == {"text": ">=6.4: why", "side": "lowered", "passed": True}


def test_a_test_inside_of_its_range_needs_no_excuse():
    report = of_phase("call", "failed")
    assert ranges.excuse(report, item(), Outcome.FAILED) is None
    assert report.outcome == "failed"


def test_a_test_that_passes_and_then_fails_to_tear_down_gives_no_hint():
    told = Ranges([])
    for when, outcome in (("call", Outcome.PASSED), ("teardown", Outcome.FAILED)):
        report = of_phase(when)
        ranges.excuse(report, item(found=FOUND), outcome)
        told.take(report)
    assert list(told.hints()) == []


@pytest.mark.parametrize(
    ("kernels", "never"),
    [
        (["5.10", "6.1"], True),
        (["5.10"], False),
    ],
)
def test_whoever_met_all_kernels_and_ran_on_none_never_ran(kernels, never):
    told = Ranges(["5.10", "6.1"])
    for kernel in kernels:
        told.take(of_phase("setup", kernel=kernel))
        report = of_phase("call", kernel=kernel)
        ranges.excuse(report, item(found=FOUND), Outcome.FAILED)
        told.take(report)
    assert len(list(told.never_ran())) == never


@pytest.mark.parametrize(("when", "outcome"), [("call", "passed"), ("setup", "failed")])
def test_whoever_ran_on_one_kernel_did_run(when, outcome):
    told = Ranges(["6.1"])
    told.take(of_phase(when, outcome))
    for kernel in ("5.10", "6.1"):
        report = of_phase("call", kernel=kernel)
        ranges.excuse(report, item(found=FOUND), Outcome.PASSED)
        told.take(report)
    assert list(told.never_ran()) == []


def test_without_promises_nobody_can_say_that_a_test_never_ran():
    told = Ranges([])
    report = of_phase("call")
    ranges.excuse(report, item(found=FOUND), Outcome.FAILED)
    told.take(report)
    assert list(told.never_ran()) == []


def outside(name, line, kernel, text, side="lowered"):
    """The report of a test on a kernel that it is not for, where it passed."""
    nodeid = f"test_it.py::{name}"
    report = pytest.TestReport(
        nodeid=f"{nodeid}[{kernel}]",
        location=("test_it.py", line, name),
        keywords={},
        outcome="skipped",
        longrepr=("test_it.py", line, f"Skipped: {text}"),
        when="call",
    )
    outcomes.attach(report, outcomes.Phase(nodeid, line, kernel, f"{kernel}.9", "skipped", text, 1.0))
    report.ebpf_outside = {"text": text, "side": side, "passed": True}
    return report


REPORTS = (
    outside("test_one", 1, "5.10", ">=6.4: why"),
    outside("test_two", 5, "5.10", ">=6.4: b"),
    outside("test_two", 5, "6.2", ">=6.4: b"),
    outside("test_two", 5, "6.12", "<6.10: a", "raised"),
)


@pytest.mark.parametrize("reports", [*itertools.permutations(REPORTS)])
def test_hints_come_in_the_order_of_tests_and_kernels(reports):
    ranges = Ranges(["5.10", "6.2", "6.12"])
    for report in reports:
        ranges.take(report)
    assert list(ranges.hints()) == [
        "test_it.py::test_one: >=6.4: why: could be lowered, it passes on 5.10.9 too",
        "test_it.py::test_two: >=6.4: b: could be lowered, it passes on 5.10.9, 6.2.9 too",
        "test_it.py::test_two: <6.10: a: could be raised, it passes on 6.12.9 too",
    ]
    (never,) = ranges.never_ran()
    assert never.longrepr == (
        "test_it.py::test_two: never ran, on none of the project's kernels (5.10, 6.2, 6.12): "
        ">=6.4: b and <6.10: a; widen the range of ebpf_kernel, or promise a kernel that is in it"
    )
