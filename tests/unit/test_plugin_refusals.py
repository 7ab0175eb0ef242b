"""What stands below a refused program, and which logs are kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_ebpf.errors import LoadError
from pytest_ebpf.plugin.refusals import Refusals

LOG = "\n".join(f"line {number}" for number in range(100))
EXPLAINED = LoadError("refused", log=LOG, explanation="it is wrong")


@pytest.fixture
def refusals(tmp_path: Path) -> Callable[[Any], Refusals]:
    """``refusals(mkdir)``: with a cache whose folders are made by *mkdir*, or None."""

    def made(mkdir: Callable[[str], Path] | None) -> Refusals:
        config: Any = SimpleNamespace(
            cache=SimpleNamespace(mkdir=mkdir) if mkdir else None,
            getoption=lambda _: False,
            invocation_params=SimpleNamespace(dir=tmp_path),
        )
        fleet: Any = None
        return Refusals(config, fleet, ())

    return made


def test_the_log_is_kept_and_its_file_named(refusals, tmp_path):
    held = refusals(lambda _: tmp_path)
    assert list(held.sections("test_a-test_x[6.1-a/b c]", EXPLAINED)) == [
        (
            "why the program was refused",
            "it is wrong\nlog: 100 lines, 99 left out: test_a-test_x[6.1-a_b_c].log",
        )
    ]
    assert (tmp_path / "test_a-test_x[6.1-a_b_c].log").read_text() == LOG


def test_only_the_newest_logs_are_kept(refusals, tmp_path):
    held = refusals(lambda _: tmp_path)
    for number in range(60):
        assert list(held.sections(f"test_{number}", EXPLAINED))
        os.utime(tmp_path / f"test_{number}.log", (number, number))
    assert {path.name for path in tmp_path.iterdir()} == {f"test_{number}.log" for number in range(10, 60)}


def cannot(_: str) -> Path:
    raise PermissionError


@pytest.mark.parametrize("mkdir", [None, cannot])
def test_where_no_log_can_be_kept_its_end_is_shown(refusals, mkdir):
    why, log = refusals(mkdir).sections("test_x", EXPLAINED)
    assert why == ("why the program was refused", "it is wrong")
    assert log[0] == "log of libbpf and the verifier"
    assert log[1].splitlines()[:2] == ["(40 lines left out)", "line 40"]


def test_of_a_log_that_nothing_is_known_of_the_end_is_shown(refusals, tmp_path):
    ((title, text),) = refusals(lambda _: tmp_path).sections("test_x", LoadError("refused", log="a\nb\n"))
    assert (title, text) == ("log of libbpf and the verifier", "a\nb")
