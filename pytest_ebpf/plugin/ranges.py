"""The kernels that a test is for, ``@pytest.mark.ebpf_kernel``, held against those that it ran on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

import pytest

from pytest_ebpf.errors import UsageError
from pytest_ebpf.kernels import Version, in_range
from pytest_ebpf.plugin import markers, outcomes
from pytest_ebpf.report import Outcome
from pytest_ebpf.report.matrix import version_key

MARKER: Final = "ebpf_kernel"

Side = Literal["lowered", "raised", "wider"]

#: The attribute of a report of a test on a kernel that it is not for, with an :class:`Outside` as plain data.
_ATTRIBUTE: Final = "ebpf_outside"


@dataclass(frozen=True)
class Outside:
    """A test on a kernel that it is not for: the range and its reason as *text*, ``>=6.4: why``.

    *side* is what would have to be done to the range; *passed*, whether it passed there all the same.
    """

    text: str
    side: Side
    passed: bool = False


#: What may be done to a bound, by the sign that it begins with.
_SIDES: Final[Mapping[str, Side]] = {">": "lowered", "<": "raised"}

KEY: Final = pytest.StashKey[Outside]()


def outside(item: pytest.Item, version: Version) -> Outside | None:
    """Return the first marker of *item* whose range *version* is not in; None if it is in all of them.

    :class:`UsageError` for a wrong marker.
    """
    where = markers.where(item, MARKER)
    for marker in item.iter_markers(MARKER):
        reason = marker.kwargs.get("reason")
        wanted = [isinstance(arg, str) for arg in (*marker.args, reason)]
        if wanted != [True, True] or len(marker.kwargs) > 1:
            raise UsageError(
                "takes one range and a reason", where=where, hint='write (">=5.15", reason="why")'
            )
        missed = [each for each in marker.args[0].split(",") if not in_range(each, version, where=where)]
        if missed:
            side: Side = _SIDES.get(missed[0].strip()[0], "wider")
            return Outside(f"{marker.args[0]}: {reason}", side)
    return None


def excuse(report: pytest.TestReport, item: pytest.Item, outcome: Outcome) -> tuple[Outcome, str] | None:
    """Make *report* that of a skipped test, whatever became of it, if *item* is not for its kernel."""
    found = item.stash.get(KEY, None)
    if found is None:
        return None
    if report.when != "call" and outcome is Outcome.PASSED:
        return outcome, ""
    if hasattr(report, "wasxfail"):
        del report.wasxfail
    setattr(report, _ATTRIBUTE, asdict(replace(found, passed=outcome is Outcome.PASSED)))
    place = (item.location[0], markers.line_of(item), f"Skipped: {found.text}")
    report.outcome, report.longrepr = "skipped", place
    return Outcome.SKIPPED, found.text


@dataclass
class _Row:
    """One test: a *report* of it, what is said of the kernels that it is not for, and those it ran on."""

    report: pytest.TestReport
    outside: dict[str, Outside] = field(default_factory=dict)
    inside: set[str] = field(default_factory=set)


class Ranges:
    """Takes in where tests ran and where not, here or in workers; *promised* are the project's kernels."""

    def __init__(self, promised: Sequence[str]) -> None:
        self._promised = promised
        self._rows: dict[str, _Row] = {}
        self._columns: dict[str, str] = {}

    def take(self, report: pytest.TestReport) -> None:
        """Take in a report of a test."""
        phase = outcomes.detach(report)
        if phase is None:
            return
        row = self._rows.setdefault(phase.row, _Row(report))
        if phase.column:
            self._columns[phase.spec] = phase.column
        said: dict[str, Any] | None = getattr(report, _ATTRIBUTE, None)
        if said is not None:
            known = row.outside.get(phase.spec)
            now = Outside(**said)
            row.outside[phase.spec] = replace(now, passed=now.passed and (known is None or known.passed))
        elif report.when == "call" or phase.outcome != Outcome.PASSED:
            row.inside.add(phase.spec)

    def never_ran(self) -> Iterator[pytest.TestReport]:
        """An error for each test that is for none of the project's kernels, where it met all of them."""
        for name, row in self._in_order():
            if row.inside or not self._promised or {*self._promised} - {*row.outside}:
                continue
            ranges = " and ".join(dict.fromkeys(row.outside[spec].text for spec in self._promised))
            yield pytest.TestReport(
                nodeid=name,
                location=row.report.location,
                keywords=row.report.keywords,
                outcome="failed",
                longrepr=(
                    f"{name}: never ran, on none of the project's kernels ({', '.join(self._promised)}): "
                    f"{ranges}; widen the range of ebpf_kernel, or promise a kernel that is in it"
                ),
                when="setup",
            )

    def hints(self) -> Iterator[str]:
        """A line for each test that passes on kernels which it is not for."""
        for name, row in self._in_order():
            found = {self._columns.get(spec, spec): each for spec, each in row.outside.items() if each.passed}
            for side in sorted({each.side for each in found.values()}):
                kernels = sorted((it for it in found if found[it].side == side), key=version_key)
                text = found[kernels[0]].text
                yield f"{name}: {text}: could be {side}, it passes on {', '.join(kernels)} too"

    def _in_order(self) -> list[tuple[str, _Row]]:
        """Tests as they stand in their files."""

        def place(row: _Row) -> tuple[str, int]:
            file, line, _ = row.report.location
            return file, line or 0

        return sorted(self._rows.items(), key=lambda named: place(named[1]))
