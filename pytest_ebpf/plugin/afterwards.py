"""What can be said only when all tests have run: whether kernels agree, whether a test ran at all."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_ebpf.plugin import evidence
from pytest_ebpf.plugin.junit import JUnit
from pytest_ebpf.plugin.ranges import Ranges
from pytest_ebpf.plugin.sameness import Sameness

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


class Afterwards:
    """Takes in what every test says, here or in a worker; *promised* are the project's kernels."""

    def __init__(self, config: pytest.Config, promised: Sequence[str]) -> None:
        self._config = config
        self._ranges = Ranges(promised)
        self._sameness = Sameness(partial(evidence.command, config))
        self._junit = JUnit(config)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in a phase."""
        self._ranges.take(report)
        if self._sameness.take(report):
            self._junit.note(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Report what has come out, as failures and errors like those of any test."""
        try:
            done = yield
        except pytest.Session.Failed:  # -x, --maxfail
            self._report(session)
            raise
        self._report(session)
        return done

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Give hints on ranges that are narrower than need be."""
        hints = list(self._ranges.hints())
        if hints:
            terminalreporter.section("eBPF kernel ranges")
            for hint in hints:
                terminalreporter.write_line(hint)

    def _report(self, session: pytest.Session) -> None:
        for passed, failed in list(self._sameness.failures()):
            self._take_back(passed)
            session.ihook.pytest_runtest_logreport(report=failed)
            self._junit.merge(failed)
        for report in list(self._ranges.never_ran()):
            session.ihook.pytest_runtest_logreport(report=report)

    def _take_back(self, passed: pytest.TestReport) -> None:
        """Have the terminal not count a cell as passed that is going to fail."""
        reporter: TerminalReporter | None = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and passed in reporter.stats.get("passed", ()):
            reporter.stats["passed"].remove(passed)
