"""The plugin at work, in a project that has eBPF tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

import pytest_ebpf
from pytest_ebpf import report
from pytest_ebpf.errors import EbpfError, InfrastructureError, KernelCrashedError, LoadError, UsageError
from pytest_ebpf.kernels import in_range, select
from pytest_ebpf.plugin import outcomes
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.session.fleet import Fleet, Running
from pytest_ebpf.session.project import Workspace

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_PACKAGE: Final = Path(pytest_ebpf.__file__).parent
_EBPF: Final = pytest.StashKey[Ebpf]()
_LABEL: Final = pytest.StashKey[str]()


class ActivePlugin:
    """Builds at the start, gives each test its kernel, and tells the matrix at the end."""

    def __init__(self, config: pytest.Config, manifest: Path | None) -> None:
        self._config = config
        self._say_lines: list[str] = []
        try:
            self.workspace = Workspace(manifest, config.invocation_params.dir, say=self._say)
            self.specs = select(config.getoption("--ebpf-kernel") or "all", self.workspace.promised)
        except EbpfError as error:
            raise pytest.UsageError(str(error)) from error
        self._fleet = self.workspace.fleet(config.getoption("--ebpf-accelerator"))
        self._phases: list[outcomes.Phase] = []

    @staticmethod
    def label(spec: str) -> str:
        """Return the identifier of a kernel in a test's name: the spec, or the file name of a path."""
        return spec.rsplit("/", 1)[-1]

    # the run

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Build what is stale, so that test modules can import the bindings."""
        try:
            self.workspace.build()
        except EbpfError as error:
            raise pytest.UsageError(str(error)) from error
        sys.path[:0] = self.workspace.import_path

    def pytest_report_header(self) -> str:
        """Say which kernels this run is for."""
        return f"ebpf: kernels {', '.join(self.specs)}"

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Fetch the kernels before the first test, where it can be seen and refused."""
        asked = [spec for spec in self.specs if any(_spec_of(item) == spec for item in session.items)]
        if self._config.option.collectonly:
            return
        try:
            for spec in asked:
                self._fleet.kernel(spec)
        except EbpfError as error:
            raise pytest.UsageError(str(error)) from error

    def pytest_sessionfinish(self) -> None:
        """End every machine."""
        self._fleet.close()

    pytest_unconfigure = pytest_sessionfinish

    # a test

    def provide(self, request: pytest.FixtureRequest) -> Iterator[Ebpf]:
        """Give the test its kernel; take everything back when it ends."""
        spec: str = request.param
        item = request.node
        _skip_outside(item, self._fleet, spec)
        running = self._fleet.running(spec)
        item.stash[_LABEL] = running.label
        ebpf = Ebpf(self.workspace, running)
        item.stash[_EBPF] = ebpf
        yield ebpf
        ebpf.close()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn our errors into outcomes of cells, without the frames of this package."""
        error = call.excinfo.value if call.excinfo else None
        if call.excinfo is not None and isinstance(error, EbpfError):
            call.excinfo.traceback = call.excinfo.traceback.filter(_is_users)
            _add_sections(item, call.when, error)
        made = yield
        spec = _spec_of(item)
        if spec is None:
            return made
        outcome, reason = outcomes.classify(made, error)
        if outcome is report.Outcome.UNSUPPORTED:
            made.outcome = "skipped"
            path, line, _ = item.location
            made.longrepr = (path, (line or 0) + 1, f"unsupported: {reason}")
        if isinstance(error, KernelCrashedError | InfrastructureError):
            self._fleet.discard(spec)
        outcomes.attach(
            made,
            outcomes.Phase(
                row=outcomes.row_of(item.nodeid, self.label(spec)),
                spec=spec,
                column=item.stash.get(_LABEL, ""),
                outcome=outcome,
                reason=reason,
                duration=call.duration,
            ),
        )
        return made
