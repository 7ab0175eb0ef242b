"""Tests that must give the same on every kernel of the run: ``@pytest.mark.ebpf_same_on_all_kernels``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from pytest_ebpf.errors import EbpfError, UsageError
from pytest_ebpf.plugin import markers, outcomes
from pytest_ebpf.report import Outcome
from pytest_ebpf.report.matrix import version_key
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.session.observation import FirstDifference, Observed, groups, observe

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


def attach(report: pytest.TestReport, item: pytest.Item) -> None:
    """Put on *report* what was kept of *item*, if it passed."""
    observed = item.stash.get(_OBSERVED, None)
    marker = item.get_closest_marker(MARKER)
    if report.when == "call" and report.passed and observed is not None and marker is not None:
        ignore = sorted(marker.kwargs.get("ignore", []))
        setattr(report, _ATTRIBUTE, {"ignore": ignore, "observed": observed})


@dataclass(frozen=True)
class _Passed:
    """A cell that passed by itself."""

    report: pytest.TestReport
    phase: outcomes.Phase
    ignore: Sequence[str]
    observed: Sequence[Observed]


class Sameness:
    """Takes in what tests got on each kernel, here or in workers; has cells fail where that differs."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, _Passed]] = {}

    def take(self, report: pytest.TestReport) -> bool:
        """Take in a report of a test; whether it may yet fail."""
        said: dict[str, Any] | None = getattr(report, _ATTRIBUTE, None)
        phase = outcomes.detach(report)
        if said is None or phase is None:
            return False
        seen = [Observed(*each) for each in said["observed"]]
        self._rows.setdefault(phase.row, {})[phase.column or phase.spec] = _Passed(
            report, phase, said["ignore"], seen
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
                found, difference = groups({kernel: each.observed for kernel, each in cells.items()}, ignore)
            except EbpfError as error:
                found, text = [[], [*cells]], f"{row}: @pytest.mark.{MARKER}: {error}"
            else:
                if difference is None:
                    continue
                text = _text(found, difference)
            majority = len(found[0]) > len(found[1]) if found[0] else True
            for kernel in (kernel for group in (found[1:] if majority else found) for kernel in group):
                yield cells[kernel].report, _failed(cells[kernel], text)


def _failed(cell: _Passed, text: str) -> pytest.TestReport:
    passed = cell.report
    report = pytest.TestReport(
        nodeid=passed.nodeid,
        location=passed.location,
        keywords=passed.keywords,
        outcome="failed",
        longrepr=text,
        when="call",
    )
    reason = text.partition("\n")[0]
    phase = replace(cell.phase, outcome=Outcome.FAILED.value, reason=reason, duration=0.0, programs=())
    outcomes.attach(report, phase)
    return report


def _text(found: Sequence[Sequence[str]], difference: FirstDifference) -> str:
    """The groups of kernels, and the first difference between the two largest."""
    names = [", ".join(group) for group in found]
    said: Mapping[int, str] = {0: difference.one, 1: difference.other}
    width = max(map(len, names))
    lines = [f"not the same on all kernels: {difference.place}"]
    lines += [
        f"  {name:<{width}}  {_short(said[number]) if number in said else 'something else again'}"
        for number, name in enumerate(names)
    ]
    if difference.lines:
        lines += [
            "",
            f"the packet, expected as on {found[0][0]}, got as on {found[1][0]}:",
            *difference.lines,
        ]
    return "\n".join(lines)


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:97] + "..."
