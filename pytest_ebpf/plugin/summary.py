"""The matrix of a run: gathered from the reports of tests, shown at the end, written where it is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_ebpf.plugin import outcomes
from pytest_ebpf.report import Matrix, Outcome, json_document, markdown, text

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


class Summary:
    """Takes in what every test says, here or in a worker; *labels* name kernels in tests, by spec."""

    def __init__(self, config: pytest.Config, labels: Mapping[str, str]) -> None:
        self._config = config
        self._labels = labels
        self._phases: list[outcomes.Phase] = []
        self._problem = ""

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Name the outcomes that pytest does not know."""
        phase = outcomes.detach(report)
        return outcomes.STATUS.get(Outcome(phase.outcome)) if phase else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in a phase, from this process or from a worker."""
        if phase := outcomes.detach(report) or outcomes.of_lost_worker(report, self._labels):
            self._phases.append(phase)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the matrix to the folder of ``--ebpf-report``; a run that cannot does not succeed."""
        folder: str | None = self._config.getoption("--ebpf-report")
        matrix = self._matrix
        if not folder or matrix is None or hasattr(self._config, "workerinput"):
            return
        try:
            _write(matrix, self._config.invocation_params.dir / folder)
        except OSError as error:
            self._problem = f"--ebpf-report: {error.filename or folder}: {error.strerror}"
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Show the matrix."""
        if (matrix := self._matrix) is None:
            return
        writer = terminalreporter._tw  # noqa: SLF001  the one that pytest's own plugins write to
        terminalreporter.section("eBPF matrix")
        terminalreporter.write_line(text(matrix, width=writer.fullwidth, color=writer.hasmarkup))
        if self._problem:
            terminalreporter.write_line(f"\nERROR: {self._problem}", red=True)

    @property
    def _matrix(self) -> Matrix | None:
        cells = outcomes.cells(self._phases)
        return Matrix.of(cells) if cells else None


def _write(matrix: Matrix, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "matrix.md").write_text(markdown(matrix), encoding="utf-8")
    (folder / "matrix.json").write_text(json_document(matrix), encoding="utf-8")
