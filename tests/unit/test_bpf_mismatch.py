"""What is told of values of programs that are not as expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from pytest_ebpf.bpf.mismatch import is_of_program, mismatches
from pytest_ebpf.values.record import Record


@dataclass
class Stats:
    """As bindings make them."""

    __btf_name__: ClassVar[str] = "stats"
    packets: int
    bytes: int


def record(**fields):
    return Record("stats", fields)


@pytest.mark.parametrize(
    ("got", "expected", "lines"),
    [
        (record(a=1, b=2), record(a=1, b=2), []),
        (record(a=1, b=2), {"a": 1, "b": 3}, ["b: 2, expected 3"]),
        (Stats(1, 2), record(packets=1, bytes=3), ["bytes: 2, expected 3"]),
        ({1: Stats(1, 2)}, {1: Stats(0, 2)}, ["[1].packets: 1, expected 0"]),
        ({"a": 1}, {"b": 1}, ["['b']: missing, expected 1", "['a']: 1, not expected"]),
        ([record(a=1)], [], ["[0]: stats(a=1), not expected"]),
        ([record(a=[1, 2])], [record(a=[1, 3])], ["[0].a[1]: 2, expected 3"]),
        (record(a=record(b=1)), record(a=record(b=2)), ["a.b: 1, expected 2"]),
        (record(a=1), record(b=1), ["b: missing, expected 1", "a: 1, not expected"]),
        (record(a=1), None, ["value: stats(a=1), expected None"]),
    ],
)
def test_mismatches_are_told_where_they_are(got, expected, lines):
    assert [*map(str, mismatches(got, expected))] == lines


@pytest.mark.parametrize(
    "value", [record(a=1), Stats(1, 2), [record(a=1)], {1: Stats(1, 2)}, {1: [Stats(1, 2)]}]
)
def test_values_of_programs_are_known(value):
    assert is_of_program(value)


@pytest.mark.parametrize("value", [1, "text", b"data", [1, 2], {"a": 1}, None])
def test_other_values_are_left_to_pytest(value):
    assert not is_of_program(value)
