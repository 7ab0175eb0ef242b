"""What one run says otherwise than an earlier one."""

from __future__ import annotations

import pytest

from pytest_ebpf.report import Cell, Kind, Matrix, Outcome, ProgramSize, Run, changes
from pytest_ebpf.report.changes import columns_before


def run(outcomes, sizes=(), began=""):
    """*outcomes* by (row, column)."""
    cells = [Cell(row, column, outcome) for (row, column), outcome in outcomes.items()]
    return Run.of(Matrix.of(cells), [ProgramSize(*size) for size in sizes], began=began)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (Outcome.PASSED, Outcome.FAILED, Kind.BROKEN),
        (Outcome.SKIPPED, Outcome.CRASHED, Kind.BROKEN),
        (Outcome.UNSUPPORTED, Outcome.TIMED_OUT, Kind.BROKEN),
        (Outcome.FAILED, Outcome.PASSED, Kind.FIXED),
        (Outcome.CRASHED, Outcome.XFAILED, Kind.FIXED),
        (Outcome.FAILED, Outcome.CRASHED, Kind.CHANGED),
        (Outcome.PASSED, Outcome.SKIPPED, Kind.CHANGED),
        (Outcome.PASSED, Outcome.INFRASTRUCTURE, Kind.CHANGED),
        (Outcome.INFRASTRUCTURE, Outcome.PASSED, Kind.CHANGED),
    ],
)
def test_how_a_cell_has_changed(before, after, kind):
    (change,) = changes(run({("a", "6.1"): before}), run({("a", "6.1"): after})).cells
    assert (change.row, change.column, change.before, change.after) == ("a", "6.1", before, after)
    assert change.kind is kind


def test_what_is_as_it_was_is_no_change():
    one = run({("a", "6.1"): Outcome.FAILED})
    found = changes(one, one)
    assert found.cells == ()
    assert found.summary() == "nothing changed"


def test_cells_that_come_and_go():
    before = run(
        {("a", "6.1"): Outcome.PASSED, ("b", "6.1"): Outcome.PASSED}, began="2026-11-19T10:00:00+00:00"
    )
    after = run({("b", "6.1"): Outcome.FAILED, ("c", "6.1"): Outcome.PASSED, ("c", "6.12"): Outcome.PASSED})
    found = changes(before, after)
    assert [(each.row, each.column, each.kind) for each in found.cells] == [
        ("b", "6.1", Kind.BROKEN),
        ("c", "6.1", Kind.NEW),
        ("c", "6.12", Kind.NEW),
        ("a", "6.1", Kind.GONE),
    ]
    assert found.summary() == "1 broken, 2 new, 1 gone"
    assert found.since == "2026-11-19T10:00:00+00:00"


def test_another_patch_level_is_the_same_kernel():
    before = run({("a", "6.1.192"): Outcome.PASSED}, [("fw", "in", "6.1.192", 90), ("fw", "in", "5.4.1", 7)])
    after = run({("a", "6.1.193"): Outcome.FAILED}, [("fw", "in", "6.1.193", 100)])
    found = changes(before, after)
    assert [(each.column, each.kind) for each in found.cells] == [("6.1.193", Kind.BROKEN)]
    assert found.sizes == {("fw", "in", "6.1.193"): 90}


@pytest.mark.parametrize(
    ("before", "after", "held_against"),
    [
        (["6.1.192"], ["6.1.192"], {"6.1.192": "6.1.192"}),
        (["6.1.192", "6.12.5"], ["6.1.193", "6.12.5"], {"6.12.5": "6.12.5", "6.1.193": "6.1.192"}),
        (["6.1.190", "6.1.191"], ["6.1.192"], {}),
        (["6.1.190"], ["6.1.191", "6.1.192"], {}),
        (["6.1.190"], ["6.1.190", "6.1.192"], {"6.1.190": "6.1.190"}),
        (["6.1.1", "6.1.2"], ["6.1.2", "6.1.3"], {"6.1.2": "6.1.2", "6.1.3": "6.1.1"}),
        (["7.3-rc6"], ["7.3-rc7"], {"7.3-rc7": "7.3-rc6"}),
        (["6.1.9"], ["6.10.9"], {}),
        (["custom"], ["other"], {}),
    ],
)
def test_which_columns_are_held_against_each_other(before, after, held_against):
    assert columns_before(before, after) == held_against


def test_of_several_sizes_of_a_program_the_largest_stands():
    found = run(
        {}, [("fw", "in", "6.1", 5), ("fw", "in", "6.1", 9), ("fw", "in", "6.1", 7), ("fw", "in", "7.2", 1)]
    )
    assert [(each.column, each.verified_insns) for each in found.programs] == [("6.1", 9), ("7.2", 1)]
