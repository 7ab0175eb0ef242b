"""The run as Markdown for a pull request and for the summary of a CI job."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

import pytest
from runs import large

from pytest_ebpf.report import Cell, Matrix, Outcome, Run, Section, changes, markdown, markdown_summary
from pytest_ebpf.report.markdown_summary import LIMIT, fenced
from pytest_ebpf.report.outcome import BAD

PASSED = Cell("t.py::test_a", "6.1.192", Outcome.PASSED)
FAILED = Cell(
    "t.py::test_b<int>",
    "6.1.192",
    Outcome.FAILED,
    "assert 1 == 2",
    test="t.py::test_b<int>[6.1]",
    sections=(Section("failure", "E  assert 1 == 2"), Section("bpf_printk", "a ```fence```")),
)


def run(*cells, project="edge"):
    return Run(Matrix.of(cells), project, "2026-11-20T10:00:00+00:00")


def test_heading_table_and_failures_folded_up():
    assert markdown_summary(run(PASSED, FAILED)) == dedent(
        r"""
        ## eBPF matrix of edge

        | test | 6.1.192 |
        | :-- | :-: |
        | `t.py::test_a` | pass |
        | `t.py::test_b<int>` | **FAIL** <sup>1</sup> |

        1. assert 1 == 2

        1 passed, 1 failed on 1 kernel

        <details><summary>failed: <code>t.py::test_b&lt;int&gt;</code> on 6.1.192</summary>

        **failure**

        ```text
        E  assert 1 == 2
        ```

        **bpf\_printk**

        ````text
        a ```fence```
        ````

        </details>
        """
    ).lstrip("\n")


def test_failures_that_are_alike_are_told_once():
    text = markdown_summary(
        run(FAILED, replace(FAILED, column="7.2.1"), replace(FAILED, column="6.12", reason="other"))
    )
    assert text.count("<details>") == 2
    assert "on 6.1.192, 7.2.1</summary>\n\nAs it was on 6.1.192:\n\n**failure**" in text
    assert "on 6.12</summary>\n\n**failure**" in text


def test_what_changed_comes_first():
    before = run(PASSED, replace(FAILED, outcome=Outcome.PASSED))
    text = markdown_summary(run(PASSED, FAILED), changes(before, run(PASSED, FAILED)))
    assert text.startswith(
        "## eBPF matrix of edge\n\n"
        "Since the last run: 1 broken.\n\n"
        "- **broken**: `t.py::test_b<int>` on 6.1.192, passed before, failed now\n\n"
        "| test |"
    )
    same = markdown_summary(run(PASSED), changes(run(PASSED), run(PASSED)))
    assert same.startswith("## eBPF matrix of edge\n\nSince the last run: nothing changed.\n\n| test |")


def test_many_changes_are_counted():
    now = run(*(replace(FAILED, row=f"t.py::test_{number}") for number in range(23)))
    before = run(*(replace(PASSED, row=f"t.py::test_{number}") for number in range(23)))
    text = markdown_summary(now, changes(before, now))
    assert text.count("- **broken**") == 20
    assert "\n- and 3 more\n\n| test |" in text


def test_without_a_project():
    assert markdown_summary(run(PASSED, project="")).startswith("## eBPF matrix\n\n| test |")


def test_a_small_table_is_that_of_the_matrix():
    assert markdown(run(PASSED, FAILED).matrix) in markdown_summary(run(PASSED, FAILED))


@pytest.mark.parametrize("failing", [10, 500])
def test_what_is_too_long_is_left_out_and_counted(failing):
    big = large(500, failing=failing)
    text = markdown_summary(big, changes(large(500, failing=7), big))
    assert len(text) <= LIMIT
    assert big.matrix.summary() in text
    assert "Tests left out: " in text
    assert "that passed on every kernel" in text


def test_failures_that_do_not_fit_are_counted():
    big = large(500)
    text = markdown_summary(big)
    assert LIMIT * 0.9 < len(text) <= LIMIT
    left = sum(cell.outcome in BAD for cell in big.matrix.cells) - text.count("<details>")
    assert text.endswith(f"\n{left} more failures in report.html.\n")


def test_a_long_section_has_its_last_lines():
    lines = fenced("\n".join(map(str, range(100)))).splitlines()
    assert lines[:3] == ["```text", "(40 lines left out)", "40"]
    assert lines[-2:] == ["99", "```"]


def test_no_fence_is_ended_from_within_and_no_color_shows():
    assert fenced("````\n\x1b[31mred\x1b[0m \x07\n") == "`````text\n````\nred \\u0007\n`````"
