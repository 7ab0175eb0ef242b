"""The matrix as Markdown and as JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent

import pytest
from jsonschema import Draft202012Validator

from pytest_ebpf.report import Cell, Matrix, Outcome, json_document, markdown
from pytest_ebpf.report.markdown_table import code, escaped

REFERENCE = Path(__file__).parents[2] / "docs" / "report.md"

MATRIX = Matrix.of(
    [
        Cell("t.py::test_a[1|2]", "6.1.192", Outcome.PASSED, duration=0.0123456789),
        Cell("t.py::test_a[1|2]", "7.2.1", Outcome.FAILED, "assert <XDP.PASS: 2> ==\n <XDP.DROP: 1>"),
        Cell("t.py::test_b", "7.2.1", Outcome.UNSUPPORTED, "no `kfunc`"),
    ]
)


def test_markdown() -> None:
    assert markdown(MATRIX) == dedent(
        r"""
        | test | 6.1.192 | 7.2.1 |
        | :-- | :-: | :-: |
        | `t.py::test_a[1\|2]` | pass | **FAIL** <sup>1</sup> |
        | `t.py::test_b` |  | unsup <sup>2</sup> |

        1. assert \<XDP.PASS: 2\> == \<XDP.DROP: 1\>
        2. no \`kfunc\`

        1 passed, 1 failed, 1 unsupported on 2 kernels
        """
    ).lstrip("\n")


def test_markdown_without_reasons_and_with_another_heading() -> None:
    one = Matrix.of([Cell("fw.bpf.o: ingress", "6.1.192", Outcome.PASSED)])
    assert markdown(one, heading="program") == dedent(
        """
        | program | 6.1.192 |
        | :-- | :-: |
        | `fw.bpf.o: ingress` | pass |

        1 passed on 1 kernel
        """
    ).lstrip("\n")


def test_markdown_of_nothing() -> None:
    assert markdown(Matrix.of([])) == "nothing was run\n"


@pytest.mark.parametrize(
    ("plain", "shown"),
    [
        ("a | b", r"a \| b"),
        ("<b>&amp;*x*_y_", r"\<b\>\&amp;\*x\*\_y\_"),
        ("[a](b) #1 ~~c~~", r"\[a\](b) \#1 \~\~c\~\~"),
        ("back\\slash", r"back\\slash"),
        ("two\n lines", "two lines"),
    ],
)
def test_text_in_markdown(plain: str, shown: str) -> None:
    assert escaped(plain) == shown


@pytest.mark.parametrize(
    ("plain", "shown"),
    [
        ("a_b", "`a_b`"),
        ("a|b", r"`a\|b`"),
        ("a`b", "``a`b``"),
        ("``a", "``` ``a ```"),
        ("a\nb", "`a b`"),
    ],
)
def test_code_in_markdown(plain: str, shown: str) -> None:
    assert code(plain) == shown


def test_json() -> None:
    said = json_document(MATRIX)
    assert said.endswith("}\n")
    assert json.loads(said) == {
        "version": 1,
        "ok": False,
        "counts": {"passed": 1, "failed": 1, "unsupported": 1},
        "rows": ["t.py::test_a[1|2]", "t.py::test_b"],
        "columns": ["6.1.192", "7.2.1"],
        "cells": [
            {
                "row": "t.py::test_a[1|2]",
                "column": "6.1.192",
                "outcome": "passed",
                "reason": None,
                "duration": 0.012346,
            },
            {
                "row": "t.py::test_a[1|2]",
                "column": "7.2.1",
                "outcome": "failed",
                "reason": "assert <XDP.PASS: 2> ==\n <XDP.DROP: 1>",
                "duration": 0.0,
            },
            {
                "row": "t.py::test_b",
                "column": "7.2.1",
                "outcome": "unsupported",
                "reason": "no `kfunc`",
                "duration": 0.0,
            },
        ],
    }


def test_json_is_as_the_reference_says() -> None:
    blocks = re.findall(r"```json\n(.*?)```", REFERENCE.read_text(), re.DOTALL)
    schema = json.loads(blocks[-1])
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert [*validator.iter_errors(json.loads(json_document(MATRIX)))] == []
    assert [*validator.iter_errors(json.loads(json_document(Matrix.of([]))))] == []
    assert schema["properties"]["cells"]["items"]["properties"]["outcome"]["enum"] == [*map(str, Outcome)]
    assert [*validator.iter_errors({"version": 2})] != []
