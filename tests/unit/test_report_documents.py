"""The matrix as Markdown and as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from textwrap import dedent

import pytest
from jsonschema import Draft202012Validator
from runs import large

from pytest_ebpf.cli import main
from pytest_ebpf.report import (
    Cell,
    Matrix,
    Outcome,
    Prediction,
    ProgramSize,
    Run,
    Section,
    changes,
    json_document,
    markdown,
    read_document,
    schema,
)
from pytest_ebpf.report.markdown_table import code, escaped

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
        ("a.py:3: @pytest.mark.ebpf_budget, 5 @ 3", "a.py:3: @&#8203;pytest.mark.ebpf\\_budget, 5 @ 3"),
        ("\x1b[1mbold\x1b[0m \u202eliw\u202c", r"bold \\u202eliw\\u202c"),
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
        ("\u202eb", r"`\u202eb`"),
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


RUN = Run(
    Matrix.of(
        [
            Cell("a.py::test_a", "6.1.192", Outcome.PASSED, duration=0.5),
            Cell(
                "a.py::test_a",
                "7.2.1",
                Outcome.FAILED,
                "assert 1 == 2",
                duration=0.25,
                test="a.py::test_a[7.2]",
                sections=(Section("failure", "E  assert 1 == 2"), Section("bpf_printk", "said \udc80")),
            ),
        ]
    ),
    project="edge",
    began="2026-11-20T10:00:00+00:00",
    seconds=1.5,
    programs=(ProgramSize("fw", "ingress", "7.2.1", 90, 8, 3, 104, 0.0125),),
    predictions=2,
    mispredicted=(Prediction("fw", "ingress", "7.2.1", '"works"', "it was refused: no helper loop"),),
)


def test_json_of_a_run_has_what_is_told_of_failures_and_the_sizes_of_programs() -> None:
    said = json.loads(json_document(RUN))
    assert {key: said[key] for key in ("project", "began", "duration")} == {
        "project": "edge",
        "began": "2026-11-20T10:00:00+00:00",
        "duration": 1.5,
    }
    assert "sections" not in said["cells"][0]
    assert said["cells"][1]["test"] == "a.py::test_a[7.2]"
    assert said["cells"][1]["sections"] == [
        {"title": "failure", "text": "E  assert 1 == 2"},
        {"title": "bpf_printk", "text": "said \udc80"},
    ]
    assert said["programs"] == [
        {
            "object": "fw",
            "program": "ingress",
            "column": "7.2.1",
            "verified_insns": 90,
            "states": 8,
            "peak_states": 3,
            "stack": 104,
            "load_time": 0.0125,
        }
    ]


def test_of_several_predictions_of_a_program_the_wrong_one_stands() -> None:
    right = Prediction("fw", "ingress", "7.2.1", '"works"')
    wrong, other = replace(right, seen="it was refused"), replace(right, column="6.1.192")
    run = Run.of(Matrix.of([]), [], predictions=[right, wrong, right, other])
    assert (run.predictions, run.mispredicted) == (2, (wrong,))
    assert str(wrong) == 'fw: ingress on 7.2.1: "works" yet it was refused'


def test_json_is_read_as_it_was_written() -> None:
    assert read_document(json_document(RUN)) == RUN
    big = large(20)
    assert read_document(json_document(big)) == big


def test_brief_json_is_enough_to_compare_with() -> None:
    said = json_document(RUN, brief=True)
    assert "sections" not in said
    assert said.count("\n") == 1
    assert changes(read_document(said), RUN).summary() == "nothing changed"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not JSON (Expecting value: line 1 column 1 (char 0))"),
        ("[]", "is no matrix in version 1 (version seen: null)"),
        ('{"version": 2}', "is no matrix in version 1 (version seen: 2)"),
        ('{"version": 1}', "is no matrix (KeyError: 'cells')"),
        ('{"version": 1, "cells": [1]}', "is no matrix (TypeError: 'int' object is not subscriptable)"),
        (
            '{"version": 1, "cells": [{"row": "a", "column": "b", "outcome": "fine"}]}',
            "is no matrix (ValueError: 'fine' is not a valid Outcome)",
        ),
    ],
)
def test_what_is_no_such_document(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        read_document(text)


def test_json_is_as_the_schema_says() -> None:
    Draft202012Validator.check_schema(schema())
    validator = Draft202012Validator(schema())
    for document in (MATRIX, Matrix.of([]), RUN, large(20)):
        assert [*validator.iter_errors(json.loads(json_document(document)))] == []
    assert [*validator.iter_errors(json.loads(json_document(RUN, brief=True)))] == []
    assert schema()["$defs"]["outcome"]["enum"] == [*map(str, Outcome)]
    assert [*validator.iter_errors({"version": 2})] != []


def test_every_key_that_is_written_is_in_the_schema() -> None:
    said, known = json.loads(json_document(RUN)), schema()["properties"]
    assert set(said) == set(known)
    assert set(said["cells"][1]) == set(known["cells"]["items"]["properties"])
    assert set(said["programs"][0]) == set(known["programs"]["items"]["properties"])


def test_the_command_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "report"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()
