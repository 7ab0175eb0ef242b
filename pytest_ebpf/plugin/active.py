"""The plugin at work, in a project that has eBPF tests."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_ebpf.errors import EbpfError, InfrastructureError, KernelCrashedError, LoadError, UsageError
from pytest_ebpf.kernels import in_range, select
from pytest_ebpf.packets import stay_off_the_network
from pytest_ebpf.plugin import outcomes
from pytest_ebpf.report import Matrix, Outcome, json_document, markdown, text
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.session.failure import lost_machine
from pytest_ebpf.session.fleet import Fleet
from pytest_ebpf.session.workspace import Workspace

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

_EBPF: Final = pytest.StashKey[Ebpf]()
_LABEL: Final = pytest.StashKey[str]()


class ActivePlugin:
    """Builds at the start, gives each test its kernel, and tells the matrix at the end."""

    def __init__(self, config: pytest.Config, manifest: Path | None) -> None:
        self._config = config
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
        stay_off_the_network()
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
        if error is not None:
            _hide_frames()
        made = yield
        made.sections += _sections(error)
        spec = _spec_of(item)
        if spec is None:
            return made
        outcome, reason = outcomes.classify(made, error)
        if outcome is Outcome.UNSUPPORTED:
            made.outcome = "skipped"
            path, line, _ = item.location
            made.longrepr = (path, (line or 0) + 1, f"unsupported: {reason}")
        if lost_machine(error):
            self._fleet.discard(spec)
        outcomes.attach(
            made,
            outcomes.Phase(
                row=outcomes.row_of(item.nodeid, self.label(spec)),
                line=item.location[1] or 0,
                spec=spec,
                column=item.stash.get(_LABEL, ""),
                outcome=outcome.value,
                reason=reason,
                duration=call.duration,
            ),
        )
        return made

    # the matrix

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Name the outcomes that pytest does not know."""
        phase = outcomes.detach(report)
        return outcomes.STATUS.get(Outcome(phase.outcome)) if phase else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in a phase, from this process or from a worker."""
        if phase := outcomes.detach(report):
            self._phases.append(phase)

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Show the matrix and write it to the folder of ``--ebpf-report``."""
        cells = outcomes.cells(self._phases)
        if not cells:
            return
        matrix = Matrix.of(cells)
        writer = terminalreporter._tw  # noqa: SLF001  the one that pytest's own plugins write to
        terminalreporter.section("eBPF matrix")
        terminalreporter.write_line(text(matrix, width=writer.fullwidth, color=writer.hasmarkup))
        if folder := self._config.getoption("--ebpf-report"):
            _write(matrix, self._config.invocation_params.dir / folder)

    def _say(self, message: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"ebpf: {message}")


def _spec_of(item: pytest.Item) -> str | None:
    """Return the kernel that *item* is to run on, None if it is no eBPF test."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("ebpf") if callspec else None


def _skip_outside(item: pytest.Item, fleet: Fleet, spec: str) -> None:
    """Skip *item* on a kernel that is not in the range of one of its ``ebpf_kernel`` markers."""
    for marker in item.iter_markers("ebpf_kernel"):
        where = f"{item.nodeid}: @pytest.mark.ebpf_kernel"
        if len(marker.args) != 1 or not marker.kwargs.get("reason") or len(marker.kwargs) != 1:
            raise UsageError(
                "takes one range and a reason", where=where, hint='write (">=5.15", reason="why")'
            )
        if not in_range(marker.args[0], fleet.kernel(spec).version, where=where):
            pytest.skip(f"{marker.args[0]}: {marker.kwargs['reason']}")


def _write(matrix: Matrix, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "matrix.md").write_text(markdown(matrix), encoding="utf-8")
    (folder / "matrix.json").write_text(json_document(matrix), encoding="utf-8")


def _hide_frames() -> None:
    """Leave the frames of this package out of tracebacks of errors that the test has caused."""
    for name, module in list(sys.modules.items()):
        if name.startswith("pytest_ebpf."):
            module.__dict__["__tracebackhide__"] = _is_users_error


def _is_users_error(info: pytest.ExceptionInfo[BaseException]) -> bool:
    return isinstance(info.value, EbpfError | AttributeError | LookupError)


def _sections(error: BaseException | None) -> list[tuple[str, str]]:
    """Return what the machine and the verifier said, to stand below the failure."""
    if isinstance(error, LoadError) and error.log:
        return [("log of libbpf and the verifier", _tail(error.log))]
    if isinstance(error, KernelCrashedError | InfrastructureError) and error.console:
        return [("console of the guest", _tail(error.console))]
    return []


def _tail(text: str, lines: int = 60) -> str:
    kept = text.rstrip().splitlines()
    if len(kept) <= lines:
        return "\n".join(kept)
    return "\n".join([f"({len(kept) - lines} lines left out)", *kept[-lines:]])
