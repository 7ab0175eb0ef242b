"""Tests that say what the verifier may have to do: ``@pytest.mark.ebpf_budget``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

from pytest_ebpf.errors import BudgetError, UsageError
from pytest_ebpf.plugin import markers
from pytest_ebpf.report import FIGURES, ProgramSize
from pytest_ebpf.session.limits import Budget, Limits
from pytest_ebpf.suggest import suggestion

MARKER: Final = "ebpf_budget"


def of(item: pytest.Item) -> list[Budget]:
    """Return the budgets that *item* sets, the nearest first; :class:`UsageError` for a wrong marker."""
    return [_budget(marker, markers.where(item, MARKER)) for marker in item.iter_markers(MARKER)]


def _budget(marker: pytest.Mark, where: str) -> Budget:
    figures = {name: most for name, most in marker.kwargs.items() if name != "program"}
    program = marker.kwargs.get("program")
    right = all(name in FIGURES and type(most) is int and most >= 0 for name, most in figures.items())
    if marker.args or not figures or not right or not isinstance(program, str | None):
        raise UsageError(
            f"takes numbers for {', '.join(FIGURES)}, and the name of a program",
            where=where,
            hint='write (verified_insns=10000, stack=256), or add program="ingress"',
        )
    return Budget(figures, where, program)


def check(item: pytest.Item, sizes: Sequence[ProgramSize], limits: Limits) -> None:
    """:class:`BudgetError` if programs that *item* has loaded are over their limits.

    :class:`UsageError` if a marker of its own names a program that it has not loaded, which would be within
    any budget.
    """
    loaded = dict.fromkeys(size.program for size in sizes)
    for marker in item.own_markers:
        program = marker.kwargs.get("program") if marker.name == MARKER else None
        if program is not None and program not in loaded:
            raise UsageError(
                f'the test has loaded no program "{program}"',
                where=markers.where(item, MARKER),
                hint=suggestion(program, loaded),
            )
    if found := limits.exceeded(sizes, of(item)):
        raise BudgetError([each.problem for each in found])
