"""What pytest's reports tell of a cell, and what they are given to tell."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from pytest_ebpf.plugin import outcomes
from pytest_ebpf.plugin.outcomes import Phase
from pytest_ebpf.report import Outcome, Prediction, ProgramSize, Section

NODE = "a.py::test_x[6.1]"


def report(outcome="passed", longrepr=None, sections=(), when="call"):
    return pytest.TestReport(NODE, ("a.py", 3, "test_x[6.1]"), {}, outcome, longrepr, when, sections)


def phase(outcome, *, column="6.1.9", **more):
    return Phase("a.py::test_x", 1, "6.1", column, outcome.value, "", 1.0, **more)


def test_what_passed_is_not_told():
    assert outcomes.told(phase(Outcome.PASSED), report(sections=[("Captured stdout", "loud")])).sections == ()


def test_a_failure_is_told_with_its_sections():
    told = outcomes.told(
        phase(Outcome.FAILED), report("failed", "E  assert 1 == 2", [("bpf_printk", "here")])
    )
    assert told.test == NODE
    assert told.sections == (("failure", "E  assert 1 == 2"), ("bpf_printk", "here"))
    (cell,) = outcomes.cells([told])
    assert cell.test == NODE
    assert cell.sections == (Section("failure", "E  assert 1 == 2"), Section("bpf_printk", "here"))


def test_where_a_skip_comes_from_is_no_failure():
    told = outcomes.told(phase(Outcome.SKIPPED), report("skipped", ("a.py", 3, "Skipped: not today")))
    assert (told.test, told.sections) == (NODE, ())


def test_sections_are_those_of_the_phase_that_decides():
    call = outcomes.told(phase(Outcome.FAILED), report("failed", "call"))
    teardown = outcomes.told(phase(Outcome.CRASHED), report("failed", "teardown", when="teardown"))
    (cell,) = outcomes.cells([call, teardown])
    assert [section.text for section in cell.sections] == ["teardown"]


def test_what_was_predicted_crosses_processes():
    told = Prediction("fw", "ingress", "6.1.9", '"works"', "it was refused")
    said = phase(Outcome.PASSED, predictions=(asdict(told),))
    assert outcomes.predictions([phase(Outcome.PASSED), said]) == [told]


def test_what_the_verifier_had_to_do_crosses_processes():
    size = ProgramSize("fw", "ingress", "6.1.9", 90, states=3, stack=16)
    loaded = phase(Outcome.PASSED, programs=(asdict(size),))
    assert outcomes.programs([phase(Outcome.PASSED), loaded]) == [size]


@pytest.mark.parametrize(
    ("phases", "properties"),
    [
        (
            [phase(Outcome.PASSED, column=""), phase(Outcome.FAILED), phase(Outcome.PASSED)],
            [("kernel", "6.1.9"), ("kernel_spec", "6.1"), ("ebpf_outcome", "failed")],
        ),
        ([phase(Outcome.SKIPPED, column="")], [("kernel_spec", "6.1"), ("ebpf_outcome", "skipped")]),
    ],
)
def test_properties_tell_of_the_cell_on_the_last_report(phases, properties):
    reports = [report() for _ in phases]
    for each, said in zip(reports, phases, strict=True):
        outcomes.attach(each, said)
    outcomes.describe(reports)
    assert [each.user_properties for each in reports] == [*([] for _ in phases[1:]), properties]


def test_other_tests_have_no_such_properties():
    reports = [report()]
    outcomes.describe(reports)
    assert reports[0].user_properties == []
