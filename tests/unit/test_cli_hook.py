"""``.pre-commit-hooks.yaml`` and what ``docs/check.md`` says of it: the same, and what the command takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_ebpf.cli.arguments import parse

ROOT = Path(__file__).parents[2]


def keys(text: str) -> dict[str, str]:
    """The keys of the one hook in *text*, whose values are scalars on one line."""
    found = re.findall(r"^[ -]+(\w+): +(.*?) *(?:#.*)?$", text, re.MULTILINE)
    return {key: value.strip("'") for key, value in found}


HOOK = keys((ROOT / ".pre-commit-hooks.yaml").read_text())
DOCS = (ROOT / "docs" / "check.md").read_text().partition("## As a pre-commit hook")[2].partition("\n## ")[0]
REMOTE, LOCAL = (keys(f"  - id: {part}") for part in DOCS.split("- id: ")[1:])


def test_the_documented_hook_is_the_one_in_the_file() -> None:
    assert set(HOOK) == {
        "id",
        "name",
        "description",
        "entry",
        "language",
        "files",
        "pass_filenames",
        "require_serial",
    }
    assert REMOTE["id"] == LOCAL["id"] == HOOK["id"]
    same = ("name", "entry", "language", "files", "pass_filenames")
    assert [LOCAL[key] for key in same] == [HOOK[key] for key in same]


def test_its_command_and_arguments_are_understood() -> None:
    assert HOOK["pass_filenames"] == "false"
    program, *words = HOOK["entry"].split()
    assert program == "ebpf-build"
    given = REMOTE["args"].strip("[]").replace(",", "").split()
    arguments = parse([*words, *given])
    assert (arguments.command, arguments.manifest, arguments.objects) == ("check", "bpf/ebpf.toml", [])


@pytest.mark.parametrize(
    ("path", "runs"),
    [
        *(
            (path, True)
            for path in ("src/a.bpf.c", "include/a.h", "templates/a.bpf.c.j2", "prebuilt/a.bpf.o")
        ),
        *((path, True) for path in ("ebpf.toml", "bpf/ebpf.toml", "ebpf-kernels.lock")),
        *(
            (path, False)
            for path in ("README.md", "tests/test_a.py", "pyproject.toml", "a.cpp", "poetry.lock")
        ),
    ],
)
def test_the_files_that_it_runs_for(path: str, runs: bool) -> None:
    assert bool(re.search(HOOK["files"], path)) is runs
