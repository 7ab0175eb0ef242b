"""From the reports of pytest to the cells of the matrix."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_ebpf.errors import (
    DeadlineError,
    GuestLostError,
    KernelCrashedError,
    KernelError,
    LoadError,
    UnsupportedError,
    UsageError,
)
from pytest_ebpf.plugin import outcomes, tracebacks
from pytest_ebpf.plugin.outcomes import Phase
from pytest_ebpf.report import Cell, Outcome

NODE = "tests/test_a.py::test_x[6.1]"


def report(outcome="passed", *, when="call", longrepr=None, nodeid=NODE, **more):
    return pytest.TestReport(
        nodeid, ("tests/test_a.py", 3, "test_x[6.1]"), {}, outcome, longrepr, when, **more
    )


def phase(outcome, *, row="a.py::test_x", line=1, spec="6.1", column="6.1.9", reason="", duration=1.0):
    return Phase(row, line, spec, column, outcome.value, reason, duration)


# what a phase says


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (UnsupportedError("no such hook"), Outcome.UNSUPPORTED, "no such hook"),
        (KernelCrashedError("Oops: 0002"), Outcome.CRASHED, "Oops: 0002"),
        (DeadlineError("no answer in time"), Outcome.TIMED_OUT, "no answer in time"),
        (GuestLostError("the machine ended"), Outcome.INFRASTRUCTURE, "the machine ended"),
        (KernelError("cannot be had"), Outcome.INFRASTRUCTURE, "cannot be had"),
        (LoadError("refused", where="fw", log="long"), Outcome.FAILED, "fw: refused"),
        (UsageError("a\nb"), Outcome.FAILED, "a"),
        (AssertionError("assert 1 == 2\n  more"), Outcome.FAILED, "assert 1 == 2"),
        (AssertionError(), Outcome.FAILED, "AssertionError"),
        (ValueError("odd"), Outcome.FAILED, "ValueError: odd"),
        (RuntimeError(), Outcome.FAILED, "RuntimeError"),
        (pytest.fail.Exception("on purpose"), Outcome.FAILED, "on purpose"),
    ],
)
def test_an_error_has_its_outcome_and_a_reason_of_one_line(error, outcome, reason):
    assert outcomes.classify(report("failed"), error) == (outcome, reason)


def test_pass_and_skip():
    assert outcomes.classify(report(), None) == (Outcome.PASSED, "")
    skipped = report("skipped", longrepr=("a.py", 3, "Skipped: not today"))
    assert outcomes.classify(skipped, None) == (Outcome.SKIPPED, "not today")


def test_xfail_covers_every_way_to_fail():
    expected = report("skipped", wasxfail="known")
    for error in (AssertionError("x"), LoadError("x"), KernelCrashedError("x"), DeadlineError("x")):
        assert outcomes.classify(expected, error) == (Outcome.XFAILED, "known")
    assert outcomes.classify(report(wasxfail="known"), None) == (Outcome.XPASSED, "known")


@pytest.mark.parametrize(
    ("error", "outcome", "counts_as"),
    [
        (UnsupportedError("no hook"), Outcome.UNSUPPORTED, "skipped"),
        (GuestLostError("lost"), Outcome.INFRASTRUCTURE, "failed"),
    ],
)
def test_xfail_does_not_cover_what_is_no_verdict(error, outcome, counts_as):
    expected = report("skipped", wasxfail="known")
    assert outcomes.classify(expected, error)[0] is outcome
    outcomes.impose(expected, outcome, str(error), ("a.py", 4))
    assert not hasattr(expected, "wasxfail")
    assert expected.outcome == counts_as


def test_what_failed_as_expected_stays_so():
    expected = report("skipped", wasxfail="known")
    outcomes.impose(expected, Outcome.XFAILED, "known", ("a.py", 4))
    assert (expected.outcome, expected.wasxfail) == ("skipped", "known")


@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_just_what_says_nothing_of_the_program_is_run_again(outcome):
    made = report()
    if outcome is not None:
        outcomes.attach(made, phase(outcome))
    assert outcomes.could_not_tell(made) is (outcome is Outcome.INFRASTRUCTURE)


def test_a_strict_xfail_that_passes_says_so():
    strict = report("failed", longrepr="[XPASS(strict)] known")
    assert outcomes.classify(strict, None) == (Outcome.FAILED, "[XPASS(strict)] known")


def test_unsupported_counts_as_skipped_at_the_line_of_the_test():
    made = report("failed", longrepr="a traceback")
    outcomes.impose(made, Outcome.UNSUPPORTED, "no hook", ("a.py", 4))
    assert (made.outcome, made.longrepr) == ("skipped", ("a.py", 4, "no hook"))


def test_a_phase_travels_on_a_report():
    made = report()
    assert outcomes.detach(made) is None
    outcomes.attach(made, phase(Outcome.PASSED))
    sent = pytest.TestReport._from_json(made._to_json())
    assert outcomes.detach(sent) == phase(Outcome.PASSED)


# rows


@pytest.mark.parametrize(
    ("nodeid", "parameters", "kernel", "row"),
    [
        ("a.py::test_x[6.1]", "6.1", "6.1", "a.py::test_x"),
        ("a.py::test_x[6.1-64]", "6.1-64", "6.1", "a.py::test_x[64]"),
        ("a.py::test_x[64-6.1-b]", "64-6.1-b", "6.1", "a.py::test_x[64-b]"),
        ("a.py::test_x[6.1-6.1]", "6.1-6.1", "6.1", "a.py::test_x[6.1]"),
        ("a.py::test_x[my-kernel-64]", "my-kernel-64", "my-kernel", "a.py::test_x[64]"),
        ("a.py::test_x[6.12]", "6.12", "6.1", "a.py::test_x[6.12]"),
        ("a.py::test_x[64-my-kernel]", "64-my-kernel", "my-kernel", "a.py::test_x[64]"),
        ("a[b]/t.py::test_x[6.1]", "6.1", "6.1", "a[b]/t.py::test_x"),
        ("a.py::test_x", "", "6.1", "a.py::test_x"),
    ],
)
def test_a_row_is_a_test_without_its_kernel(nodeid, parameters, kernel, row):
    assert outcomes.row_of(nodeid, parameters, kernel) == row


def test_the_test_of_a_worker_that_died_is_told_by_its_name():
    lost = report("failed", when="???", nodeid="a.py::test_x[bzImage-[odd]]")
    found = outcomes.of_lost_worker(lost, {"6.1": "6.1", "./bzImage": "bzImage"})
    assert found == Phase(
        "a.py::test_x[[odd]]", 0, "./bzImage", "", "infrastructure", "the test process died", 0.0
    )
    assert outcomes.of_lost_worker(report("failed"), {"6.1": "6.1"}) is None
    plain = report("failed", when="???", nodeid="a.py::test_plain")
    assert outcomes.of_lost_worker(plain, {"6.1": "6.1"}) is None


# cells


def test_the_phases_of_a_test_are_one_cell():
    phases = [phase(Outcome.PASSED), phase(Outcome.FAILED, reason="x"), phase(Outcome.PASSED)]
    assert outcomes.cells(phases) == [Cell("a.py::test_x", "6.1.9", Outcome.FAILED, "x", 3.0)]
    (passed,) = outcomes.cells([phase(Outcome.PASSED)])
    assert passed.reason is None


@pytest.mark.parametrize(
    ("one", "other", "stands"),
    [
        (Outcome.PASSED, Outcome.CRASHED, Outcome.CRASHED),
        (Outcome.FAILED, Outcome.CRASHED, Outcome.CRASHED),
        (Outcome.XFAILED, Outcome.FAILED, Outcome.FAILED),
        (Outcome.FAILED, Outcome.INFRASTRUCTURE, Outcome.FAILED),
        (Outcome.TIMED_OUT, Outcome.INFRASTRUCTURE, Outcome.TIMED_OUT),
        (Outcome.XFAILED, Outcome.SKIPPED, Outcome.SKIPPED),
        (Outcome.PASSED, Outcome.XPASSED, Outcome.XPASSED),
        (Outcome.PASSED, Outcome.SKIPPED, Outcome.SKIPPED),
    ],
)
def test_of_two_phases_the_one_that_decides_stands(one, other, stands):
    for phases in ([phase(one), phase(other)], [phase(other), phase(one)]):
        assert outcomes.cells(phases)[0].outcome is stands


def test_a_column_is_what_booted_also_where_nothing_was_needed():
    phases = [phase(Outcome.SKIPPED, row="a.py::test_s", column=""), phase(Outcome.PASSED)]
    assert {cell.column for cell in outcomes.cells(phases)} == {"6.1.9"}
    assert outcomes.cells(phases[:1])[0].column == "6.1"


def test_rows_are_in_the_order_of_files_and_lines_whoever_ran_them():
    phases = [
        phase(Outcome.PASSED, row="b.py::test_1", line=1),
        phase(Outcome.PASSED, row="a.py::test_2", line=20),
        phase(Outcome.PASSED, row="a.py::test_1", line=3),
    ]
    assert [cell.row for cell in outcomes.cells(phases)] == ["a.py::test_1", "a.py::test_2", "b.py::test_1"]


# what stands below a failure


def test_consoles_are_shown_with_their_end():
    (panic,) = tracebacks.sections(GuestLostError("x", console="\n".join(map(str, range(100)))))
    assert panic[0] == "console of the guest"
    assert panic[1].splitlines()[:2] == ["(40 lines left out)", "40"]
    assert tracebacks.sections(GuestLostError("x", console="last words\n")) == [
        ("console of the guest", "last words")
    ]
    assert tracebacks.sections(AssertionError("x")) == []
    assert tracebacks.sections(LoadError("x")) == []


def test_an_error_is_all_ours_if_no_line_of_a_test_led_to_it():
    def entry(module):
        return SimpleNamespace(frame=SimpleNamespace(f_globals={"__name__": module}))

    def info(error, *modules):
        return SimpleNamespace(value=error, traceback=[entry(module) for module in modules])

    ours = ("_pytest.fixtures", "pluggy._hooks", "pytest_ebpf.plugin.active")
    assert tracebacks.is_all_ours(info(UsageError("x"), *ours))
    assert not tracebacks.is_all_ours(info(UsageError("x"), *ours, "test_a"))
    assert not tracebacks.is_all_ours(info(ValueError("x"), *ours))
