"""Where the members of types lie, in words that two objects can be compared by."""

from __future__ import annotations

from pytest_ebpf.inspection.layouts import layout


def test_members_and_where_they_lie(builder):
    number = builder.int("int", 4)
    cell = builder.struct("cell", 8, ("x", number, 0), ("y", number, 32))
    inner = builder.struct("", 4, ("deep", number, 0))
    mode = builder.enum("mode", ("OFF", 0), ("ON", 7))
    rule = builder.bits(
        "rule",
        32,
        ("flag", number, 0, 1),
        ("size", number, 1, 7),
        ("mode", mode, 32, 0),
        ("cells", builder.array(cell, 2), 64, 0),
        ("", inner, 192, 0),
    )
    btf = builder.btf()
    assert layout(btf, rule) == {
        ".flag": "int at bit 0",
        ".size": "int at bit 1, 7 bits",
        ".mode": "enum mode at byte 4",
        ".mode OFF": "0",
        ".mode ON": "7",
        ".cells": "struct cell[2] at byte 8",
        ".cells[].x": "int at byte 8",
        ".cells[].y": "int at byte 12",
        ".deep": "int at byte 24",
    }
    assert layout(btf, number) == {}


def test_a_type_within_itself_without_end(builder):
    builder.array(1, 1)
    assert layout(builder.btf(), 1) == {}


def test_more_members_than_anybody_reads(builder):
    number = builder.int("int", 4)
    large = builder.struct("large", 20_000, *((f"m{at}", number, at * 32) for at in range(5000)))
    assert len(layout(builder.btf(), large)) == 4096
