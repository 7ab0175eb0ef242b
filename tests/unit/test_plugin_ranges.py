"""What is said of ranges when all tests have run, in whichever order workers ended them."""

from __future__ import annotations

import itertools

import pytest

from pytest_ebpf.plugin import outcomes
from pytest_ebpf.plugin.ranges import Ranges


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
