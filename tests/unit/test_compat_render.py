"""Verdicts as text, Markdown and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from pytest_ebpf.compat import render
from pytest_ebpf.compat.model import Lack, Report, Status, Verdict
from pytest_ebpf.requirements import SourceLine, Stage

LOOP = Lack(
    certain=True,
    what="no helper bpf_loop",
    instead="use a loop with a constant bound",
    source=SourceLine("src/edge.bpf.c", 31, "\tbpf_loop(4, step, NULL, 0);"),
)
MULTI = Lack(certain=True, what="no attach type trace_kprobe_multi", stage=Stage.ATTACH)
KFUNC = Lack(certain=False, what="the verifier decides whether tc programs may call bpf_f<x>|y", instead="")


def verdict(program: str, kernel: str, *lacks: Lack, required: bool = True) -> Verdict:
    status = Status.WORKS
    if lacks:
        status = Status.CANNOT if lacks[0].certain else Status.UNKNOWN
    return Verdict("edge", program, kernel, required, status, lacks)


@pytest.fixture
def report() -> Report:
    return Report(
        ("5.10.262", "6.1.192"),
        (
            verdict("count", "5.10.262", LOOP, KFUNC),
            verdict("trace", "5.10.262", MULTI, required=False),
            verdict("count", "6.1.192"),
            verdict("trace", "6.1.192", KFUNC, required=False),
        ),
    )


def test_text(report):
    assert render.text(report).splitlines() == [
        "program  5.10.262  6.1.192",
        "edge",
        "  count  NO[1]     works",
        "  trace  NO[2]     ?[3]",
        "",
        "NO: cannot work there",
        "?: cannot be told without booting it",
        (
            "[1] no helper bpf_loop, at src/edge.bpf.c:31: bpf_loop(4, step, NULL, 0);"
            " use a loop with a constant bound"
        ),
        "[2] no attach type trace_kprobe_multi",
        "[3] the verifier decides whether tc programs may call bpf_f<x>|y",
        "",
        "edge works on 6.1.192",
        "edge cannot work on 5.10.262: count[1]",
    ]


def test_markdown(report):
    assert render.markdown(report).splitlines() == [
        "| program | 5.10.262 | 6.1.192 |",
        "|---|---|---|",
        "| `edge: count` | NO[1] | works |",
        "| `edge: trace` | NO[2] | ?[3] |",
        "",
        "- NO: cannot work there",
        "- ?: cannot be told without booting it",
        (
            "- [1] no helper bpf_loop, at src/edge.bpf.c:31: bpf_loop(4, step, NULL, 0);"
            " use a loop with a constant bound"
        ),
        "- [2] no attach type trace_kprobe_multi",
        "- [3] the verifier decides whether tc programs may call bpf_f&lt;x>\\|y",
        "- edge works on 6.1.192",
        "- edge cannot work on 5.10.262: count[1]",
    ]


def test_where_all_works_there_is_nothing_to_explain():
    report = Report(("6.1.192",), (verdict("count", "6.1.192"),))
    assert render.text(report).splitlines() == [
        "program  6.1.192",
        "edge",
        "  count  works",
        "",
        "edge works on 6.1.192",
    ]
    assert render.markdown(report).splitlines()[3:] == ["", "- edge works on 6.1.192"]


@pytest.mark.parametrize(
    ("lacks", "said"),
    [
        ([LOOP], ["edge works on none of them", "edge cannot work on 5.10, 6.1: count[1]"]),
        ([KFUNC], ["edge works on none of them for sure"]),
        ([], ["edge works on all of them"]),
    ],
)
def test_the_kernels_of_an_object(lacks, said):
    report = Report(("5.10", "6.1"), (verdict("count", "5.10", *lacks), verdict("count", "6.1", *lacks)))
    lines = render.text(report).splitlines()
    assert lines[lines.index(said[0]) :] == said


def test_what_fails_is_said_last():
    """After the objects that work, each set of programs with the kernels where it is the same."""
    found = [
        verdict(program, kernel, *([LOOP] if (program, kernel) in failing else []))
        for failing in [{("count", "5.10"), ("trace", "5.10"), ("count", "5.15"), ("count", "6.1")}]
        for program in ("count", "trace")
        for kernel in ("5.10", "5.15", "6.1", "6.12")
    ]
    other = replace(verdict("drop", "6.12"), object="gate")
    report = Report(("5.10", "5.15", "6.1", "6.12"), (*found, other))
    assert render.text(report).splitlines()[-4:] == [
        "edge works on 6.12",
        "gate works on 6.12",
        "edge cannot work on 5.10: count[1], trace[1]",
        "edge cannot work on 5.15, 6.1: count[1]",
    ]


def test_each_object_has_its_own_kernels():
    other = replace(verdict("pass", "6.1", LOOP), object="core")
    report = Report(("6.1",), (verdict("count", "6.1"), other))
    lines = render.text(report).splitlines()
    assert [line for line in lines if " works on " in line] == [
        "edge works on 6.1",
        "core works on none of them",
    ]


def test_json_is_what_its_documentation_says(report):
    text = (Path(__file__).parents[2] / "docs" / "check.md").read_text()
    schema = json.loads(text.partition("```json\n")[2].partition("```")[0])
    document = json.loads(render.json_document(report))
    jsonschema.validate(document, schema)
    assert document["ok"] is False
    assert document["objects"][0]["works_on"] == ["6.1.192"]
    assert document["objects"][0]["programs"][0] == {
        "program": "count",
        "required": True,
        "alternative": None,
        "verdicts": [
            {
                "kernel": "5.10.262",
                "status": "cannot work",
                "promised": True,
                "reasons": [
                    {
                        "what": "no helper bpf_loop",
                        "certain": True,
                        "stage": "load",
                        "file": "src/edge.bpf.c",
                        "line": 31,
                        "source": "bpf_loop(4, step, NULL, 0);",
                        "instead": "use a loop with a constant bound",
                    },
                    {
                        "what": "the verifier decides whether tc programs may call bpf_f<x>|y",
                        "certain": False,
                        "stage": "load",
                        "file": None,
                        "line": None,
                        "source": None,
                        "instead": None,
                    },
                ],
            },
            {"kernel": "6.1.192", "status": "works", "promised": True, "reasons": []},
        ],
    }


def test_a_program_that_is_not_loaded_breaks_no_promise(report):
    assert [(each.program, each.kernel) for each in report.broken] == [("count", "5.10.262")]
    assert Report(report.kernels, report.verdicts[1:]).ok


def test_nothing_is_said_of_kernels_that_a_program_is_not_for(report):
    count, trace, *others = report.verdicts
    narrower = Report(
        report.kernels, (replace(count, promised=False), replace(trace, promised=False), *others)
    )
    assert narrower.ok
    assert render.text(narrower).splitlines() == [
        "program  5.10.262  6.1.192",
        "edge",
        "  count  -         works",
        "  trace  -         ?[1]",
        "",
        "?: cannot be told without booting it",
        "-: declared for other kernels",
        "[1] the verifier decides whether tc programs may call bpf_f<x>|y",
        "",
        "edge works on 6.1.192",
    ]
    program = json.loads(render.json_document(narrower))["objects"][0]["programs"][0]
    assert [each["promised"] for each in program["verdicts"]] == [False, True]


def test_of_alternatives_one_that_works_is_enough():
    def one(program: str, kernel: str, *lacks: Lack) -> Verdict:
        return replace(verdict(program, kernel, *lacks), alternative="watch")

    met = [one("new", "5.10", LOOP), one("old", "5.10"), one("new", "6.1"), one("old", "6.1", MULTI)]
    report = Report(("5.10", "6.1"), tuple(met))
    assert (report.ok, report.works_on("edge")) == (True, ["5.10", "6.1"])
    assert "edge: watch is one of new, old" in render.text(report).splitlines()
    assert json.loads(render.json_document(report))["objects"][0]["programs"][1]["alternative"] == "watch"
    open_ = Report(("5.10",), (one("new", "5.10", LOOP), one("old", "5.10", KFUNC)))
    assert (open_.ok, open_.works_on("edge")) == (True, [])
    broken = Report(("5.10",), (one("new", "5.10", LOOP), one("old", "5.10", MULTI)))
    assert [each.program for each in broken.broken] == ["new", "old"]
