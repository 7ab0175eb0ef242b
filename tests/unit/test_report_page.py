"""The HTML page as text: what it holds, that nothing in it becomes markup, and how large it is."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256

from runs import large

from pytest_ebpf.report import Cell, Matrix, Outcome, ProgramSize, Run, Section, changes, html

#: What a test may say to break out of where it is shown.
HOSTILE = "</script><script>alert(1)</script><!-- {{data}} & \u2028 \x00 \x1b[31m \udc80 \u202e"

RUN = Run(
    Matrix.of(
        [
            Cell("a.py::test_a[x]", "6.1.192", Outcome.PASSED, duration=0.0123),
            Cell(
                "a.py::test_a[x]",
                "7.2.1",
                Outcome.FAILED,
                "wrong",
                1.5,
                "a.py::test_a[7.2-x]",
                (Section("failure", "E  wrong"),),
            ),
            Cell("a.py::test_b", "7.2.1", Outcome.SKIPPED, "wrong", 0.0, "a.py::test_b[7.2]"),
        ]
    ),
    "edge",
    "2026-11-20T10:00:00+00:00",
    1.5,
    (ProgramSize("fw", "small", "7.2.1", 9), ProgramSize("fw", "large", "7.2.1", 90)),
)


def held(page, name):
    """The text of the element with that id."""
    (found,) = re.findall(rf'<script type="[^"]*" id="{name}">(.*?)</script>', page, re.DOTALL)
    return found


def data(page):
    return json.loads(held(page, "data"))


def details(page):
    return json.loads(zlib.decompress(b64decode(held(page, "details"))))


def test_what_the_page_is_drawn_from():
    said = data(html(RUN))
    assert {key: said[key] for key in ("project", "seconds", "summary", "ok")} == {
        "project": "edge",
        "seconds": 1.5,
        "summary": "1 passed, 1 failed, 1 skipped on 2 kernels",
        "ok": False,
    }
    assert said["columns"] == ["6.1.192", "7.2.1"]
    assert said["rows"] == [["test_a[x]", "a.py"], ["test_b"]]
    assert said["outcomes"] == "ab-c"
    assert said["times"] == [12, 1500, 0, 0]
    assert said["texts"] == ["wrong"]
    assert said["reasons"] == {"1": 0, "3": 0}
    assert said["faces"][1] == ["failed", "FAIL", "", True]
    assert said["changes"] is None


def test_details_are_packed_with_each_text_once():
    assert details(html(RUN)) == {
        "cells": {"1": ["a.py::test_a[7.2-x]", [[0, 1]]], "3": ["a.py::test_b[7.2]", []]},
        "texts": ["failure", "E  wrong"],
    }


def test_programs_are_told_by_column_the_largest_first():
    assert data(html(RUN))["programs"] == [["fw", "large", [0, 90], [0, 0]], ["fw", "small", [0, 9], [0, 0]]]


def test_states_and_stack_of_programs_are_told_where_they_are_known():
    sizes = (ProgramSize("fw", "small", "7.2.1", 9, states=3, stack=16), *RUN.programs[1:])
    assert data(html(replace(RUN, programs=sizes)))["programs"] == [
        ["fw", "large", [0, 90], [0, 0], [0, 0]],
        ["fw", "small", [0, 9], [0, 0], [0, [3, 16]]],
    ]


def test_what_has_changed_is_told_by_place():
    before = Run(
        Matrix.of([Cell("a.py::test_a[x]", "7.2.0", Outcome.PASSED), Cell("gone", "7.2.0", Outcome.PASSED)]),
        began="2026-11-19T10:00:00+00:00",
        programs=(ProgramSize("fw", "large", "7.2.0", 80),),
    )
    said = data(html(RUN, changes(before, RUN)))
    assert said["changes"] == {
        "since": "2026-11-19T10:00:00+00:00",
        "summary": "1 broken, 2 new, 1 gone",
        "was": {"0": ["new", "-"], "1": ["broken", "a"], "3": ["new", "-"]},
    }
    assert said["programs"][0] == ["fw", "large", [0, 90], [0, 80]]


def test_nothing_of_a_run_becomes_markup():
    cell = Cell(HOSTILE, HOSTILE, Outcome.FAILED, HOSTILE, 1.0, HOSTILE, (Section(HOSTILE, HOSTILE),))
    page = html(Run(Matrix.of([cell]), HOSTILE, HOSTILE, 1.0, (ProgramSize(HOSTILE, HOSTILE, HOSTILE, 1),)))
    assert page.count("<script") == page.count("</script>") == 3
    assert "<!--" not in page
    assert "alert(1)</" not in page
    assert not re.search(r"[\x00-\x08\x0b-\x1f\ud800-\udfff]", page.partition("</title>")[2])
    said = data(page)
    assert said["project"] == said["columns"][0] == said["texts"][0] == HOSTILE
    assert details(page)["texts"] == [HOSTILE]


def test_the_policy_allows_the_script_and_the_style_of_the_page_and_nothing_else():
    page = html(RUN)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "script-src": f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'",
        "style-src": f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'",
    }
    assert not re.search(r"https?:|//[a-z]", page.replace("http-equiv", ""))


def test_500_tests_on_9_kernels_take_less_than_3_mb():
    assert len(html(large(500))) < 1_500_000
    assert len(html(large(500, failing=1))) < 3_000_000


def test_where_all_fails_texts_are_cut_to_their_last_lines():
    run = large(500, failing=1)
    texts = details(html(run))["texts"]
    assert all(text.count("\n") <= 12 for text in texts)
    logs = [text for text in texts if "R47: " in text]
    assert len(logs) == 4500
    assert {text.partition("\n")[0] for text in logs} == {"(12 lines left out here, matrix.json has them)"}
