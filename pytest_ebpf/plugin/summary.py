"""The matrix of a run: gathered from the reports of tests, shown at the end, written where it is wanted."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_ebpf.errors import EbpfError
from pytest_ebpf.plugin import outcomes, reportfiles
from pytest_ebpf.report import Changes, Kind, Matrix, Outcome, Run, changes, text
from pytest_ebpf.session.limits import write_baseline

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

#: Where a CI job of GitHub (and of those that do as it does) takes Markdown to show.
_STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"


class Summary:
    """Takes in what every test says, here or in a worker; *labels* name kernels in tests, by spec.

    What the verifier had to do goes to *baseline_file*, if there is to be one.
    :class:`~pytest_ebpf.errors.UsageError` if the baseline that is asked for cannot be read.
    """

    def __init__(
        self,
        config: pytest.Config,
        labels: Mapping[str, str],
        *,
        project: str,
        baseline_file: Path | None = None,
    ) -> None:
        self._config = config
        self._labels = labels
        self._project = project
        self._baseline_file = baseline_file
        self._began = datetime.now(UTC)
        self._start = time.monotonic()
        self._phases: list[outcomes.Phase] = []
        self._said: list[str] = []
        self._problems: list[str] = []
        given: str | None = config.getoption("--ebpf-baseline")
        self._baseline = reportfiles.baseline(config.invocation_params.dir, given) if given else None

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Name the outcomes that pytest does not know."""
        phase = outcomes.detach(report)
        return outcomes.STATUS.get(Outcome(phase.outcome)) if phase else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in a phase, from this process or from a worker."""
        if phase := outcomes.detach(report) or outcomes.of_lost_worker(report, self._labels):
            self._phases.append(outcomes.told(phase, report))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what is asked for; a run that cannot write ``--ebpf-report`` does not succeed."""
        if hasattr(self._config, "workerinput") or not self._phases:
            return
        folder: str | None = self._config.getoption("--ebpf-report")
        if folder and not self._write_report(folder):
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
        if summary := os.environ.get(_STEP_SUMMARY):
            self._append(summary)
        if session.exitstatus != pytest.ExitCode.INTERRUPTED:
            reportfiles.keep(self._config, self._run)
            if self._baseline_file and not self._write_baseline(self._baseline_file):
                session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Show the matrix."""
        if not self._phases:
            return
        writer = terminalreporter._tw  # noqa: SLF001  the one that pytest's own plugins write to
        terminalreporter.section("eBPF matrix")
        matrix = self._run.matrix
        terminalreporter.write_line(text(matrix, width=writer.fullwidth, color=writer.hasmarkup))
        if self._changes and (self._changes.of(Kind.BROKEN) or self._changes.of(Kind.FIXED)):
            terminalreporter.write_line(f"since the last run: {self._changes.summary()}")
        for wrong in self._run.mispredicted:
            terminalreporter.write_line(f"ebpf: wrong prediction: {wrong}; please report")
        for line in self._said:
            terminalreporter.write_line(line)
        for problem in self._problems:
            terminalreporter.write_line(f"\nERROR: {problem}", red=True)

    @cached_property
    def _run(self) -> Run:
        """The whole run; it is asked for when all tests have ended."""
        return Run.of(
            Matrix.of(outcomes.cells(self._phases)),
            outcomes.programs(self._phases),
            predictions=outcomes.predictions(self._phases),
            project=self._project,
            began=self._began.isoformat(timespec="seconds"),
            seconds=time.monotonic() - self._start,
        )

    @cached_property
    def _changes(self) -> Changes | None:
        """What has changed since the baseline, else since the last run; None if there was none."""
        before = self._baseline or reportfiles.kept(self._config)
        return changes(before, self._run) if before else None

    def _write_report(self, folder: str) -> bool:
        try:
            reportfiles.write(self._config.invocation_params.dir / folder, self._run, self._changes)
        except OSError as error:
            self._problems.append(f"--ebpf-report: {error.filename or folder}: {error.strerror}")
            return False
        self._said.append(f"report: {Path(folder, reportfiles.PAGE)}")
        return True

    def _write_baseline(self, file: Path) -> bool:
        try:
            write_baseline(file, self._run.programs)
        except EbpfError as error:
            self._problems.append(f"--ebpf-write-baseline: {error}")
            return False
        self._said.append(f"baseline: {file.name}")
        return True

    def _append(self, file: str) -> None:
        try:
            reportfiles.append(Path(file), self._run, self._changes)
        except OSError as error:
            self._problems.append(f"{_STEP_SUMMARY}: {file}: {error.strerror}")
