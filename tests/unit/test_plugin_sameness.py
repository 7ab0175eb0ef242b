"""Which cells fail where kernels differ: those in the minority, all where there is none."""

from __future__ import annotations

import pytest

from pytest_ebpf.plugin import outcomes
from pytest_ebpf.plugin.sameness import Sameness


def passed(kernel, text, name="verdict", ignore=()):
    report = pytest.TestReport(
        nodeid=f"test_it.py::test_it[{kernel}]",
        location=("test_it.py", 1, "test_it"),
        keywords={},
        outcome="passed",
        longrepr=None,
        when="call",
    )
    outcomes.attach(
        report, outcomes.Phase("test_it.py::test_it", 1, kernel, f"{kernel}.9", "passed", "", 1.0)
    )
    observed = [[name, "run 1 of main: it", text]]
    report.ebpf_observed = {"ignore": list(ignore), "observed": observed, "name": f"it[{kernel}]"}
    return report


def failures(*reports):
    sameness = Sameness(lambda tests, specs: " ".join([*tests, *specs]))
    for report in reports:
        sameness.take(report)
    return list(sameness.failures())


def test_where_all_agree_none_fails():
    assert failures(passed("5.10", "1"), passed("6.1", "1")) == []


def test_the_minority_fails_and_is_shown_with_the_others():
    reports = [passed("5.10", "2"), passed("6.1", "1"), passed("6.12", "1"), passed("7.2", "3")]
    found = failures(*reports)
    assert [(before, after.nodeid, after.outcome) for before, after in found] == [
        (reports[0], "test_it.py::test_it[5.10]", "failed"),
        (reports[3], "test_it.py::test_it[7.2]", "failed"),
    ]
    assert found[0][1].longrepr.splitlines() == [
        "not the same on all kernels: run 1 of main: it",
        "  6.1.9, 6.12.9  1",
        "  5.10.9         2",
        "  7.2.9          3",
    ]


def test_what_is_compared_is_run_again_together():
    found = failures(passed("5.10", "2"), passed("6.1", "1"))
    assert found[0][1].sections == [("to run this again", "it[5.10] it[6.1] 5.10 6.1")]


def test_of_a_third_group_the_place_is_told_where_it_differs():
    reports = [passed("5.10", "2"), passed("6.1", "1"), passed("6.12", "1"), passed("7.2", "1")]
    reports[3].ebpf_observed["observed"].append(["verdict", "run 2 of main: it", "5"])
    assert failures(*reports)[0][1].longrepr.splitlines()[1:] == [
        "  6.1.9, 6.12.9  1",
        "  5.10.9         2",
        "  7.2.9          run 2 of main: it: 5",
    ]


def test_kernels_are_named_in_their_order_whichever_ended_first():
    reports = [passed("6.12", "1"), passed("5.10", "2"), passed("6.2", "1")]
    assert failures(*reports)[0][1].longrepr.splitlines()[1:] == ["  6.2.9, 6.12.9  1", "  5.10.9         2"]


def test_without_a_majority_all_fail():
    assert len(failures(passed("5.10", "1"), passed("6.1", "2"))) == 2


def test_the_cell_is_a_failed_one_with_that_reason():
    ((_, report), _) = failures(passed("5.10", "1"), passed("6.1", "2"))
    phase = outcomes.detach(report)
    assert (phase.outcome, phase.reason) == ("failed", "not the same on all kernels: run 1 of main: it")
    assert (phase.column, phase.duration) == ("5.10.9", 0.0)


def test_a_name_to_ignore_that_is_nothing_is_an_error_of_every_cell():
    packets = ["02" * 14, "03" * 14]
    found = failures(
        *(
            passed(kernel, text, "packet", ["IP.nope"])
            for kernel, text in zip(("5.10", "6.1"), packets, strict=True)
        )
    )
    assert len(found) == 2
    assert found[0][1].longrepr.startswith(
        'test_it.py::test_it: @pytest.mark.ebpf_same_on_all_kernels: ignore: there is no "IP.nope"; '
    )
