"""Arranging outcomes: order, repetition, counts, and whether all is well."""

from __future__ import annotations

import pytest

from pytest_ebpf.report import Cell, Matrix, Outcome


def test_rows_keep_their_order_and_columns_are_in_that_of_versions() -> None:
    releases = ["6.12.57", "7.3", "5.10.259", "6.1.192", "custom", "7.3-rc7", "6.10", "6.1.192+deb12"]
    matrix = Matrix.of(Cell(row, release, Outcome.PASSED) for row in ("b", "a") for release in releases)
    assert matrix.rows == ("b", "a")
    assert matrix.columns == (
        "5.10.259",
        "6.1.192",
        "6.1.192+deb12",
        "6.10",
        "6.12.57",
        "7.3-rc7",
        "7.3",
        "custom",
    )


def test_a_cell_is_found_by_its_place() -> None:
    cell = Cell("a", "6.1", Outcome.PASSED, duration=0.5)
    matrix = Matrix.of([cell])
    assert matrix.cell("a", "6.1") is cell
    assert matrix.cell("a", "6.12") is None


@pytest.mark.parametrize(
    ("one", "other", "stands"),
    [
        (Outcome.PASSED, Outcome.FAILED, Outcome.FAILED),
        (Outcome.PASSED, Outcome.INFRASTRUCTURE, Outcome.INFRASTRUCTURE),
        (Outcome.INFRASTRUCTURE, Outcome.FAILED, Outcome.FAILED),
        (Outcome.FAILED, Outcome.CRASHED, Outcome.CRASHED),
        (Outcome.SKIPPED, Outcome.UNSUPPORTED, Outcome.UNSUPPORTED),
        (Outcome.XFAILED, Outcome.XPASSED, Outcome.XPASSED),
    ],
)
def test_of_two_outcomes_of_one_cell_the_more_serious_stands(
    one: Outcome, other: Outcome, stands: Outcome
) -> None:
    for pair in ((one, other), (other, one)):
        matrix = Matrix.of(Cell("a", "6.1", outcome) for outcome in pair)
        assert [cell.outcome for cell in matrix.cells] == [stands]


@pytest.mark.parametrize(
    ("outcome", "ok"),
    [
        (Outcome.PASSED, True),
        (Outcome.SKIPPED, True),
        (Outcome.XFAILED, True),
        (Outcome.XPASSED, True),
        (Outcome.UNSUPPORTED, True),
        (Outcome.FAILED, False),
        (Outcome.CRASHED, False),
        (Outcome.TIMED_OUT, False),
        (Outcome.INFRASTRUCTURE, False),
    ],
)
def test_whether_a_matrix_with_one_such_cell_is_ok(outcome: Outcome, ok: bool) -> None:
    matrix = Matrix.of([Cell("a", "6.1", Outcome.PASSED), Cell("a", "6.12", outcome)])
    assert matrix.ok is ok


def test_every_outcome_is_tried_above() -> None:
    assert [str(outcome) for outcome in Outcome] == [
        "passed",
        "failed",
        "skipped",
        "xfailed",
        "xpassed",
        "unsupported",
        "crashed",
        "timed out",
        "infrastructure",
    ]


def test_counts_and_their_summary() -> None:
    cells = [
        Cell("a", "6.12", Outcome.TIMED_OUT),
        Cell("a", "6.1", Outcome.PASSED),
        Cell("b", "6.1", Outcome.PASSED),
    ]
    matrix = Matrix.of(cells)
    assert matrix.counts == {Outcome.PASSED: 2, Outcome.TIMED_OUT: 1}
    assert list(matrix.counts) == [Outcome.PASSED, Outcome.TIMED_OUT]
    assert matrix.summary() == "2 passed, 1 timed out on 2 kernels"
    assert Matrix.of(cells[1:]).summary() == "2 passed on 1 kernel"
    assert Matrix.of([]).summary() == "nothing was run"


def test_reasons_are_numbered_as_they_are_read() -> None:
    matrix = Matrix.of(
        [
            Cell("a", "6.12", Outcome.SKIPPED, "second"),
            Cell("a", "6.1", Outcome.SKIPPED, "first"),
            Cell("b", "6.1", Outcome.SKIPPED, "second"),
            Cell("b", "6.12", Outcome.FAILED, "third"),
        ]
    )
    assert matrix.notes == {"first": 1, "second": 2, "third": 3}
