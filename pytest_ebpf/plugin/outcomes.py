"""What a phase of a test says of its cell, carried on pytest's own reports. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import pytest

from pytest_ebpf.errors import EbpfError
from pytest_ebpf.report import Cell, Outcome, Prediction, ProgramSize, Section
from pytest_ebpf.session.failure import outcome_of

#: How a terminal shows the outcomes that pytest does not know: letter and word.
STATUS: Final = {
    Outcome.UNSUPPORTED: ("unsupported", "u", "UNSUPPORTED"),
    Outcome.CRASHED: ("failed", "C", "CRASHED"),
    Outcome.TIMED_OUT: ("failed", "T", "TIMED OUT"),
    Outcome.INFRASTRUCTURE: ("failed", "I", "INFRASTRUCTURE"),
}

#: Outcomes that ``xfail`` does not cover.
_WHATEVER_WAS_EXPECTED: Final = frozenset({Outcome.UNSUPPORTED, Outcome.INFRASTRUCTURE})

#: What pytest-xdist calls the phase of a test that it lost.
_NO_PHASE: Final = "???"

#: The attribute of a report that holds a :class:`Phase`, as plain data that crosses processes.
ATTRIBUTE: Final = "ebpf_phase"

#: The attribute of a report that holds sections for documents alone: too long for a terminal.
_BESIDES: Final = "ebpf_besides"


@dataclass(frozen=True)
class Phase:
    """One phase of one test: *spec* of the kernel asked for, *column* what booted ("" if none did).

    *line* is where the test stands in its file; with it rows keep their order whoever runs them. *programs*
    are what the verifier had to do, each the fields of a :class:`ProgramSize`; *predictions* what was said of
    programs, each those of a :class:`Prediction`. *test*, *sections* and *besides* stay on pytest's report on
    its way here: see :func:`told`.
    """

    row: str
    line: int
    spec: str
    column: str
    outcome: str
    reason: str
    duration: float
    programs: tuple[dict[str, Any], ...] = ()
    predictions: tuple[dict[str, str], ...] = ()
    test: str = ""
    sections: tuple[tuple[str, str], ...] = ()
    besides: tuple[tuple[str, str], ...] = ()


def classify(report: pytest.TestReport, error: BaseException | None) -> tuple[Outcome, str]:
    """Return the outcome of a phase and its reason, from pytest's *report* and the exception behind it.

    A test that is expected to fail may fail in whatever way, by killing the kernel too. That a kernel lacks
    something, or that we could not tell, is no failure of the test, whatever was expected.
    """
    outcome = outcome_of(error) if isinstance(error, EbpfError) else Outcome.FAILED
    if outcome in _WHATEVER_WAS_EXPECTED:
        return outcome, str(error)
    if hasattr(report, "wasxfail"):
        return (Outcome.XFAILED if report.skipped else Outcome.XPASSED), report.wasxfail
    if report.skipped:
        return Outcome.SKIPPED, _skip_reason(report)
    if report.failed:
        return outcome, _reason(error, report) if outcome is Outcome.FAILED else str(error)
    return Outcome.PASSED, ""


def impose(report: pytest.TestReport, outcome: Outcome, reason: str, location: tuple[str, int]) -> None:
    """Make *report* count as *outcome*, where pytest itself sees it another way."""
    if outcome in _WHATEVER_WAS_EXPECTED and hasattr(report, "wasxfail"):
        del report.wasxfail
    if outcome is Outcome.UNSUPPORTED:
        report.outcome = "skipped"
        report.longrepr = (*location, reason)
    elif outcome is Outcome.INFRASTRUCTURE:
        report.outcome = "failed"


def attach(report: pytest.TestReport, phase: Phase) -> None:
    """Put *phase* on *report*, in a form that pytest-xdist can send."""
    setattr(report, ATTRIBUTE, asdict(phase))


def detach(report: object) -> Phase | None:
    """Return what :func:`attach` put on *report*, None if nothing."""
    data: dict[str, Any] | None = getattr(report, ATTRIBUTE, None)
    return Phase(**data) if data else None


def add_besides(report: pytest.TestReport, title: str, text: str) -> None:
    """Put a section on *report* that is not for the terminal."""
    setattr(report, _BESIDES, [*getattr(report, _BESIDES, ()), (title, text)])


def told(phase: Phase, report: pytest.TestReport) -> Phase:
    """Return *phase* with what *report* tells of it, unless it passed."""
    if phase.outcome == Outcome.PASSED:
        return phase
    text = "" if isinstance(report.longrepr, tuple) else report.longreprtext
    sections = (*([("failure", text)] if text else []), *report.sections)
    besides = tuple((title, said) for title, said in getattr(report, _BESIDES, ()))
    return replace(phase, test=report.nodeid, sections=sections, besides=besides)


def describe(reports: Sequence[pytest.TestReport]) -> None:
    """Have the properties of a test, which pytest writes as JUnit from its last report, tell of its cell."""
    phases = [*filter(None, map(detach, reports))]
    if not phases:
        return
    outcome = _deciding(phases).outcome
    release = next((phase.column for phase in phases if phase.column), "")
    properties = [("kernel", release), ("kernel_spec", phases[0].spec), ("ebpf_outcome", outcome)]
    reports[-1].user_properties += [(name, value) for name, value in properties if value]


def of_lost_worker(report: pytest.TestReport, labels: Mapping[str, str]) -> Phase | None:
    """Return the phase of a test whose pytest-xdist worker died under it, which only xdist reports.

    *labels* are the names of kernels in those of tests, by spec.
    """
    if str(report.when) != _NO_PHASE:
        return None
    parameters = report.nodeid.rpartition("::")[2].partition("[")[2].removesuffix("]")
    for spec, label in labels.items():
        if (row := row_of(report.nodeid, parameters, label)) != report.nodeid:
            return Phase(row, 0, spec, "", Outcome.INFRASTRUCTURE.value, "the test process died", 0.0)
    return None


def row_of(nodeid: str, parameters: str, kernel: str) -> str:
    """Return *nodeid* without the part of its *parameters*, ``6.1-a``, that names the *kernel*."""
    if not parameters:
        return nodeid
    name = nodeid.removesuffix(f"[{parameters}]")
    kept = "-".join(_without(parameters.split("-"), kernel.split("-")))
    return f"{name}[{kept}]" if kept else name


def cells(phases: list[Phase]) -> list[Cell]:
    """Fold the phases of each test and kernel to one cell; a column is named by what booted, if any did."""
    booted = {phase.spec: phase.column for phase in phases if phase.column}
    grouped: dict[tuple[str, str], list[Phase]] = {}
    for phase in sorted(phases, key=_place):
        grouped.setdefault((phase.row, phase.spec), []).append(phase)
    return [_cell(row, booted.get(spec, spec), group) for (row, spec), group in grouped.items()]


def programs(phases: list[Phase]) -> list[ProgramSize]:
    """What the verifier had to do."""
    return [ProgramSize(**each) for phase in phases for each in phase.programs]


def predictions(phases: list[Phase]) -> list[Prediction]:
    """What was said of programs, and what came of it."""
    return [Prediction(**each) for phase in phases for each in phase.predictions]


def _place(phase: Phase) -> tuple[str, int]:
    """Order tests as they stand in their files: workers end them in any order."""
    return phase.row.partition("::")[0], phase.line


def _deciding(group: list[Phase]) -> Phase:
    """Return the phase whose outcome is the most serious, the first of several."""
    return max(group, key=lambda phase: Outcome(phase.outcome).severity)


def _cell(row: str, column: str, group: list[Phase]) -> Cell:
    deciding = _deciding(group)
    return Cell(
        row=row,
        column=column,
        outcome=Outcome(deciding.outcome),
        reason=deciding.reason or None,
        duration=sum(phase.duration for phase in group),
        test=deciding.test,
        sections=(
            *(Section(title, text) for title, text in deciding.sections),
            *(Section(title, text, besides=True) for title, text in deciding.besides),
        ),
    )


def _without(parts: list[str], wanted: list[str]) -> list[str]:
    for start in range(len(parts) - len(wanted) + 1):
        if parts[start : start + len(wanted)] == wanted:
            return parts[:start] + parts[start + len(wanted) :]
    return parts


def _skip_reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return ""


def _reason(error: BaseException | None, report: pytest.TestReport) -> str:
    """Return the first line of the message, led by the kind of error unless the message says it all."""
    text = str(report.longrepr if error is None else error).strip().partition("\n")[0]
    if error is None or (text and isinstance(error, EbpfError | AssertionError | pytest.fail.Exception)):
        return text
    return ": ".join(filter(None, [type(error).__name__, text]))


def could_not_tell(report: pytest.TestReport) -> bool:
    """Whether *report* says nothing of the program: the machine, the guest or the wire failed."""
    phase = detach(report)
    return phase is not None and phase.outcome == Outcome.INFRASTRUCTURE
