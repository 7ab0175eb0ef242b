"""Programs that are for a part of the project's kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_ebpf.bpf import LoadOptions
from pytest_ebpf.bpf.loading.alternatives import Choice
from pytest_ebpf.errors import UnsupportedError
from pytest_ebpf.kernels import Version
from pytest_ebpf.manifest import Manifest
from pytest_ebpf.objects import ObjectFacts, ProgramFacts
from pytest_ebpf.session.ranges import declared_for, narrowed, outside

TEXT = """
    [objects.tool]
    path = "tool.o"
    kernels = ">=5.15"
    alternatives.watch = ["opened", "opened_since_7"]
    [objects.tool.programs]
    opened = { hook = "fexit/do_filp_open", kernels = "<7.0" }
    opened_since_7 = { hook = "fexit/do_file_open", kernels = ">=7.0" }
    count = { hook = "xdp" }
    [objects.other]
    path = "other.o"
"""

TOOL = ObjectFacts(
    path=Path("tool.o"),
    license="GPL",
    big_endian=False,
    has_btf=True,
    programs=tuple(
        ProgramFacts(name, "xdp", None, None, None, True, 2, 2, 16, None, ())
        for name in ("opened", "opened_since_7", "count", "undeclared")
    ),
    maps=(),
    globals=(),
    relocations=(),
    btf=None,
)

WATCH = LoadOptions(
    alternatives={"watch": ("opened", "opened_since_7")},
    declared_for={"opened": "<7.0", "opened_since_7": ">=7.0"},
)


def test_a_program_is_for_what_is_in_its_range_and_in_that_of_its_object(
    manifest_of: Callable[[str], Manifest],
) -> None:
    manifest = manifest_of(TEXT)
    assert declared_for(manifest, "tool", TOOL) == {
        "opened": ">=5.15,<7.0",
        "opened_since_7": ">=5.15,>=7.0",
        "count": ">=5.15",
        "undeclared": ">=5.15",
    }
    assert declared_for(manifest, "other", TOOL) == {}


def test_bounds_are_numbers_as_precise_as_they_are_written() -> None:
    ranges = {"a": ">=6.9", "b": "<=6.10", "c": ">=6.10.3"}
    assert outside(ranges, Version(6, 10, 2), "tool") == {"c": ">=6.10.3"}


def test_what_is_for_other_kernels_is_not_loaded() -> None:
    found = narrowed(WATCH, TOOL, Version(6, 1, 192), name="tool")
    assert found == LoadOptions(
        autoload={"opened_since_7": False},
        alternatives={"watch": ["opened"]},
        declared_for={"opened_since_7": ">=7.0"},
    )


def test_of_alternatives_for_other_kernels_none_is_loaded() -> None:
    options = replace(WATCH, declared_for={"opened": "<5.0", "opened_since_7": ">=7.0"})
    found = narrowed(options, TOOL, Version(6, 1, 192), name="tool")
    assert found.alternatives == {"watch": ("opened",)}
    assert Choice({"watch": "opened"}).applied(found).autoload == {"opened": False, "opened_since_7": False}


def test_a_test_may_ask_for_it_all_the_same() -> None:
    found = narrowed(WATCH, TOOL, Version(6, 1, 192), name="tool", wanted=["opened_since_7"])
    assert (found.autoload, found.declared_for) == ({}, {})


def test_an_object_that_is_for_other_kernels() -> None:
    options = LoadOptions(
        autoload={"undeclared": False},
        declared_for={"opened": ">=6.4", "opened_since_7": ">=7.0", "count": ">=6.4"},
    )
    with pytest.raises(UnsupportedError) as caught:
        narrowed(options, TOOL, Version(6, 1, 192), name="tool")
    assert str(caught.value) == "tool: declared for >=6.4 or >=7.0"
    assert narrowed(options, TOOL, Version(7, 0), name="tool") == replace(options, declared_for={})
