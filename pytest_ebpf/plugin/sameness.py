"""Tests that must give the same on every kernel of the run: ``@pytest.mark.ebpf_same_on_all_kernels``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from pytest_ebpf.errors import EbpfError, UsageError
from pytest_ebpf.plugin import markers, outcomes
from pytest_ebpf.plugin.evidence import AGAIN
from pytest_ebpf.report import Outcome
from pytest_ebpf.report.matrix import version_key
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.session.observation import Group, Observed, groups, observe

MARKER: Final = "ebpf_same_on_all_kernels"

#: The attribute of a report that holds what its test observed, as plain data that crosses processes.
_ATTRIBUTE: Final = "ebpf_observed"

_OBSERVED: Final = pytest.StashKey[list[list[str]]]()


def wanted(item: pytest.Item) -> bool:
    """Whether what *item* gets is to be the same everywhere; :class:`UsageError` for a wrong marker."""
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        return False
    ignore = marker.kwargs.get("ignore", [])
    right = isinstance(ignore, list | tuple | set) and all(isinstance(each, str) for each in ignore)
    if marker.args or {*marker.kwargs} - {"ignore"} or not right:
        raise UsageError(
            "takes names to ignore, and nothing else",
            where=markers.where(item, MARKER),
            hint='write (ignore=["maps.seen", "IP.id"])',
        )
    return True


def note(item: pytest.Item, ebpf: Ebpf) -> None:
    """Keep what *item* got, now that it has passed."""
    item.stash[_OBSERVED] = [list(each) for each in observe(*ebpf.observed)]


def attach(report: pytest.TestReport, item: pytest.Item, name: str) -> None:
    """Put on *report* what was kept of *item*, if it passed, which a run of its own calls *name*."""
    observed = item.stash.get(_OBSERVED, None)
    marker = item.get_closest_marker(MARKER)
    if report.when == "call" and report.passed and observed is not None and marker is not None:
        ignore = sorted(marker.kwargs.get("ignore", []))
        setattr(report, _ATTRIBUTE, {"ignore": ignore, "observed": observed, "name": name})


@dataclass(frozen=True)
class _Passed:
    """A cell that passed by itself."""

    report: pytest.TestReport
    phase: outcomes.Phase
    name: str
    ignore: Sequence[str]
    observed: Sequence[Observed]


class Sameness:
    """Takes in what tests got on each kernel, here or in workers; has cells fail where that differs.

    *command* makes a shell command of the names of tests and the kernels to run them on.
    """

    def __init__(self, command: Callable[[Sequence[str], Sequence[str]], str]) -> None:
        self._command = command
        self._rows: dict[str, dict[str, _Passed]] = {}

    def take(self, report: pytest.TestReport) -> bool:
        """Take in a report of a test; whether it may yet fail."""
        said: dict[str, Any] | None = getattr(report, _ATTRIBUTE, None)
        phase = outcomes.detach(report)
        if said is None or phase is None:
            return False
        seen = [Observed(*each) for each in said["observed"]]
        self._rows.setdefault(phase.row, {})[phase.column or phase.spec] = _Passed(
            report, phase, said["name"], said["ignore"], seen
        )
        return True

    def failures(self) -> Iterator[tuple[pytest.TestReport, pytest.TestReport]]:
        """For each cell that is in the minority: the report that it passed, and one that says how it differs.

        Where no group of kernels is larger than all others, nobody can say who is right: all of them fail.
        """
        for row, unordered in self._rows.items():
            cells = {kernel: unordered[kernel] for kernel in sorted(unordered, key=version_key)}
            ignore = next(iter(cells.values())).ignore
            try:
                found = groups({kernel: each.observed for kernel, each in cells.items()}, ignore)
            except EbpfError as error:
                wrong, text = [*cells], f"{row}: @pytest.mark.{MARKER}: {error}"
            else:
                if len(found) < 2:
                    continue
                majority = len(found[0].kernels) > len(found[1].kernels)
                wrong = [kernel for group in found[majority:] for kernel in group.kernels]
                text = _text(found)
            passed = list(cells.values())
            again = self._command([each.name for each in passed], [each.phase.spec for each in passed])
            for kernel in wrong:
                yield cells[kernel].report, _failed(cells[kernel], text, again)


def _failed(cell: _Passed, text: str, again: str) -> pytest.TestReport:
    passed = cell.report
    report = pytest.TestReport(
        nodeid=passed.nodeid,
        location=passed.location,
        keywords=passed.keywords,
        outcome="failed",
        longrepr=text,
        when="call",
        sections=[(AGAIN, again)],
    )
    reason = text.partition("\n")[0]
    phase = replace(cell.phase, outcome=Outcome.FAILED.value, reason=reason, duration=0.0, programs=())
    outcomes.attach(report, phase)
    return report


def _text(found: Sequence[Group]) -> str:
    """The groups of kernels, and the first thing in which each differs from the largest."""
    largest, second = found[0], found[1].difference
    assert second
    width = max(len(", ".join(group.kernels)) for group in found)
    lines = [f"not the same on all kernels: {second.place}"]
    for group in found:
        said = _short(second.one) if group is largest else _said(group, second.place)
        lines.append(f"  {', '.join(group.kernels):<{width}}  {said}")
    if second.lines:
        lines += [
            "",
            f"the packet, expected as on {largest.kernels[0]}, got as on {found[1].kernels[0]}:",
            *second.lines,
        ]
    return "\n".join(lines)


def _said(group: Group, place: str) -> str:
    """What *group* has at *place*, or where else it differs from the largest."""
    assert group.difference
    elsewhere = f"{group.difference.place}: " if group.difference.place != place else ""
    return elsewhere + _short(group.difference.other)


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:97] + "..."
