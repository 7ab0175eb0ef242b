"""What the last build noted, and whether anything has changed since."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_ebpf.build import state
from pytest_ebpf.build.state import Entry, Stamps, State


@pytest.fixture
def built(tmp_path: Path) -> State:
    """A project of two objects that has been built and checked."""
    for name in ("ebpf.toml", "a.c", "a.o", "b.c", "b.o", "shared.h"):
        (tmp_path / name).write_text(name)
    stamps = Stamps(tmp_path)
    return State(
        shared=stamps.all_of(["ebpf.toml", "ebpf-kernels.lock"]),
        names=("a", "b"),
        objects={
            name: Entry(f"{name}.o", stamps.all_of([f"{name}.c", f"{name}.o", "shared.h"]), checked="yes")
            for name in "ab"
        },
        bindings="bindings.py",
        clang=("/usr/bin/clang-19", "19.1.7", (1, 2)),
        headers={"a": ("key", (3, 4)), "b": ("key", None)},
        environment=state.environment(),
    )


def test_it_survives_being_written(built: State, tmp_path: Path) -> None:
    (tmp_path / state.FILE_NAME).write_text(state.dump(built))
    assert state.load(tmp_path) == built


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 1}',
        '{"version": 999}',
        '{"version": 1, "shared": 3}',
        '{"version": 1, "clang": [1], "shared": []}',
        '{"version": 1, "clang": ["clang"], "shared": {}, "names": [], "objects": {}, "bindings": ""}',
    ],
)
def test_a_damaged_one_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / state.FILE_NAME).write_text(text)
    assert state.load(tmp_path) == State()


def test_where_nothing_was_built_there_is_none(tmp_path: Path) -> None:
    assert state.load(tmp_path) == State()


def test_a_project_without_objects_is_fresh_too(built: State, tmp_path: Path) -> None:
    assert state.fresh(replace(built, names=(), objects={}), tmp_path, (), checked=True) == ()


def test_nothing_changed(built: State, tmp_path: Path) -> None:
    assert state.fresh(built, tmp_path, (), checked=True) == ("a", "b")
    assert state.fresh(built, tmp_path, ("b",), checked=True) == ("b",)


def test_an_object_that_was_not_asked_for_before(built: State, tmp_path: Path) -> None:
    part = replace(built, objects={"a": built.objects["a"]})
    assert state.fresh(part, tmp_path, ("a",), checked=True) == ("a",)
    assert state.fresh(part, tmp_path, (), checked=True) is None


def test_no_build_yet(tmp_path: Path) -> None:
    assert state.fresh(State(), tmp_path, (), checked=False) is None


@pytest.mark.parametrize("name", ["a.c", "a.o", "shared.h", "ebpf.toml"])
def test_a_changed_file_makes_stale(built: State, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("longer than before")
    assert state.fresh(built, tmp_path, (), checked=False) is None


def test_a_touched_file_makes_stale(built: State, tmp_path: Path) -> None:
    os.utime(tmp_path / "a.c", ns=(1, 1))
    assert state.fresh(built, tmp_path, ("a",), checked=False) is None
    assert state.fresh(built, tmp_path, ("b",), checked=False) == ("b",)


def test_a_removed_file_makes_stale(built: State, tmp_path: Path) -> None:
    (tmp_path / "b.o").unlink()
    assert state.fresh(built, tmp_path, (), checked=False) is None


def test_a_file_that_was_not_there_makes_stale(built: State, tmp_path: Path) -> None:
    (tmp_path / "ebpf-kernels.lock").write_text("")
    assert state.fresh(built, tmp_path, (), checked=False) is None


def test_an_unknown_object_is_left_to_the_build_to_explain(built: State, tmp_path: Path) -> None:
    assert state.fresh(built, tmp_path, ("c",), checked=False) is None


def test_what_was_never_checked_is_not_fresh_for_who_wants_it_checked(built: State, tmp_path: Path) -> None:
    unchecked = replace(built, names=("a",), objects={"a": replace(built.objects["a"], checked="")})
    assert state.fresh(unchecked, tmp_path, (), checked=False) == ("a",)
    assert state.fresh(unchecked, tmp_path, (), checked=True) is None


def test_other_tools_may_be_found(built: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBPF_CLANG", "clang-16")
    assert state.fresh(built, tmp_path, (), checked=False) is None


@pytest.mark.parametrize(
    ("text", "directory"),
    [
        ("", "build/ebpf"),
        ('[build]\ndirectory = "out"\n', "out"),
        ('\ufeff[build]\ndirectory = "out"\n', "out"),
        ("[build]\ndirectory = 3\n", None),
        ("build = 3\n", None),
        ("[build\n", None),
    ],
)
def test_the_build_folder_without_reading_the_rest(tmp_path: Path, text: str, directory: str | None) -> None:
    (tmp_path / "ebpf.toml").write_text(text)
    assert state.directory(tmp_path / "ebpf.toml") == directory


def test_no_manifest_no_folder(tmp_path: Path) -> None:
    assert state.directory(tmp_path / "ebpf.toml") is None
