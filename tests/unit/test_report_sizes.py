"""What the verifier had to do, as documents and tables, and held against an earlier time."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import jsonschema
import pytest

from pytest_ebpf.report import (
    Matrix,
    ProgramSize,
    Run,
    baseline_document,
    by,
    held_against,
    in_order,
    json_document,
    largest,
    merged,
    read_document,
    read_sizes,
    schema,
    size_markdown,
    size_text,
    sizes_document,
)

NEW = ProgramSize("fw", "ingress", "7.2.13", 1234, states=60, peak_states=12, stack=104, load_time=0.0123)
OLD = ProgramSize("fw", "ingress", "5.10.262", 900, states=50, peak_states=10, stack=100, load_time=0.01)
BARE = ProgramSize("fw", "egress", "7.2.13", 7)
SIZES = [NEW, OLD, BARE]

BASELINE = """\
{
  "version": 1,
  "programs": [
    {"object": "fw", "program": "egress", "column": "7.2.13", "verified_insns": 7},
    {"object": "fw", "program": "ingress", "column": "5.10.262", "verified_insns": 900, \
"states": 50, "peak_states": 10, "stack": 100},
    {"object": "fw", "program": "ingress", "column": "7.2.13", "verified_insns": 1234, \
"states": 60, "peak_states": 12, "stack": 104}
  ]
}
"""


def test_a_baseline_has_a_line_for_each_program_and_kernel_and_no_times() -> None:
    assert baseline_document(SIZES) == BASELINE
    assert baseline_document(reversed(SIZES)) == BASELINE
    assert read_sizes(BASELINE) == [replace(each, load_time=None) for each in in_order(SIZES)]


def test_an_empty_baseline_is_one() -> None:
    assert read_sizes(baseline_document([])) == []


def test_json_has_times_and_what_is_exceeded() -> None:
    text = sizes_document(SIZES, emulated=True, exceeded=["fw: ingress on 7.2.13: too much"])
    said = json.loads(text)
    assert (said["version"], said["emulated"]) == (1, True)
    assert said["exceeded"] == ["fw: ingress on 7.2.13: too much"]
    assert said["programs"][2] == {
        "object": "fw",
        "program": "egress",
        "column": "7.2.13",
        "verified_insns": 7,
    }
    assert read_sizes(text) == SIZES


def test_the_report_of_a_run_can_be_held_against() -> None:
    text = json_document(Run.of(Matrix.of([]), SIZES))
    jsonschema.validate(json.loads(text), schema())
    assert read_sizes(text) == SIZES
    assert list(read_document(text).programs) == SIZES


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no", "is not JSON (Expecting value: line 1 column 1 (char 0))"),
        ("[]", "tells of no programs in version 1 (version seen: null)"),
        ('{"version": 2}', "tells of no programs in version 1 (version seen: 2)"),
        ('{"version": 1}', "tells of no programs (KeyError: 'programs')"),
        (
            '{"version": 1, "programs": [{"object": "a", "program": "b", "column": "c"}]}',
            "tells of no programs (KeyError: 'verified_insns')",
        ),
    ],
)
def test_what_tells_of_no_programs(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        read_sizes(text)


def test_of_several_loads_the_largest_of_each_figure_stands() -> None:
    other = replace(NEW, verified_insns=1000, states=None, stack=200)
    assert largest([BARE, NEW, other]) == [BARE, replace(NEW, stack=200)]
    assert largest([BARE, replace(BARE, states=2)]) == [replace(BARE, states=2)]


def test_a_kernel_of_another_patch_level_is_still_the_kernel_of_its_line() -> None:
    before = [replace(NEW, column="7.2.9", verified_insns=1000), replace(OLD, column="5.4.1")]
    assert held_against(before, SIZES) == {NEW: before[0]}


def test_what_was_not_measured_now_is_kept() -> None:
    before = [replace(NEW, column="7.2.9"), OLD, replace(BARE, program="gone")]
    assert merged(before, [NEW, BARE]) == [OLD, replace(BARE, program="gone"), NEW, BARE]


@pytest.mark.parametrize(
    ("value", "base", "said"),
    [(1234, 1100, "12 %"), (1101, 1100, "1"), (8, 0, "8"), (500_000, 10, "4,999,900 %"), (90, 100, "10 %")],
)
def test_by_how_much(value: int, base: int, said: str) -> None:
    assert by(value, base) == said


def test_text() -> None:
    sizes = in_order(SIZES)
    before = {NEW: replace(NEW, verified_insns=1100, states=61)}
    assert size_text(sizes, before, {NEW: ["verified_insns"]}, emulated=True) == (
        "  kernel    instructions   states  at once  stack     time\n"
        "fw: egress\n"
        "  7.2.13               7        -        -      -        -\n"
        "fw: ingress\n"
        "  5.10.262           900       50       10    100  10.0 ms\n"
        "  7.2.13    +12 % 1,234!  -2 % 60       12    104  12.3 ms\n"
        "\n"
        "stack: bytes, of all functions of a program together\n"
        "time: of the verifier, emulated: it tells nothing of a real machine"
    )


def test_text_of_nothing() -> None:
    assert size_text([], {}, {}, emulated=False).splitlines()[0].split() == [
        "kernel",
        "instructions",
        "states",
        "at",
        "once",
        "stack",
        "time",
    ]


def test_markdown() -> None:
    assert size_markdown([NEW, BARE], {}, {NEW: ["stack"]}, emulated=False).splitlines() == [
        "| program | kernel | instructions | states | at once | stack | time |",
        "| :-- | :-- | --: | --: | --: | --: | --: |",
        "| `fw: ingress` | 7.2.13 | 1,234 | 60 | 12 | **104** | 12.3 ms |",
        "| `fw: egress` | 7.2.13 | 7 | - | - | - | - |",
        "",
        "stack: bytes, of all functions of a program together",
        "time: of the verifier",
    ]
