"""The plugin at work, in a project that has eBPF tests: what comes before the first and after the last."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from enum import IntEnum
from pathlib import Path
from typing import Final

import pytest

from pytest_ebpf.errors import EbpfError
from pytest_ebpf.kernels import select
from pytest_ebpf.packets import stay_off_the_network
from pytest_ebpf.plugin import assertions
from pytest_ebpf.plugin.afterwards import Afterwards
from pytest_ebpf.plugin.cells import Cells, spec_of
from pytest_ebpf.plugin.judge import Judge
from pytest_ebpf.plugin.refusals import Refusals
from pytest_ebpf.plugin.summary import Summary
from pytest_ebpf.session.limits import baseline_file, limits_of
from pytest_ebpf.session.progress import ProgressLine
from pytest_ebpf.session.workspace import Workspace
from pytest_ebpf.uapi import spelled

#: The attribute of a report that holds what its worker has to say.
_SAID: Final = "ebpf_said"


class ActivePlugin:
    """Builds at the start and gives each test its kernel."""

    def __init__(self, config: pytest.Config, manifest: Path | None) -> None:
        self._config = config
        self._unsaid: list[str] = []
        self._line: ProgressLine | None = None
        with _usage_errors():
            self.workspace = Workspace(manifest, config.invocation_params.dir, say=self._say)
            self.specs = select(config.getoption("--ebpf-kernel") or "all", self.workspace.promised)
        workers: int = getattr(config, "workerinput", {}).get("workercount", 1)
        self._fleet = self.workspace.fleet(
            config.getoption("--ebpf-accelerator"),
            workers=workers,
            timeout=config.getoption("--ebpf-timeout"),
        )
        self.refusals = Refusals(config, self._fleet, self.specs)
        manifest_read = self.workspace.manifest
        writes = config.getoption("--ebpf-write-baseline")
        with _usage_errors():
            limits = limits_of(self.workspace, baseline=not writes)
            allowed = [splat.match for splat in self.workspace.test.allow_splats]
            self.cells = Cells(config, self.workspace, self._fleet, say=self._say)
            self.judge = Judge(config, self._fleet, limits, allowed=allowed, label=self.label)
            self.summary = Summary(
                config,
                {spec: self.label(spec) for spec in self.specs},
                project=manifest_read.project.name if manifest_read else "",
                baseline_file=baseline_file(self.workspace) if writes else None,
            )
        self.afterwards = Afterwards(config, self.workspace.promised)
        self.assertions = assertions

    def label(self, spec: str) -> str:
        """Return what a kernel is called in a test's name: its spec, of a path the last part if unique."""
        name = spec.rpartition("/")[2]
        return name if [each.rpartition("/")[2] for each in self.specs].count(name) == 1 else spec

    def pytest_make_parametrize_id(self, val: object) -> str | None:
        """Name verdicts and declared enumerators in the names of tests, where pytest would number them."""
        if not isinstance(val, IntEnum):
            return None
        ours = isinstance(val, assertions.VERDICTS) or type(val) in self.workspace.bindings.values()
        return spelled(val) if ours else None

    # the run

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Build what is stale, so that test modules can import the bindings."""
        with _usage_errors():
            with self._working("building"):
                self.workspace.build()
            if self._leads_workers:
                self._prepare(self.specs)
        sys.path[:0] = self.workspace.import_path

    def pytest_report_header(self) -> str:
        """Say which kernels this run is for."""
        kernels = f"ebpf: kernels {', '.join(self.specs)}"
        return f"{kernels}\n{self._accelerator}" if self._leads_workers else kernels

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """See to it that the kernels of the chosen tests are there, before the first of them."""
        if self._config.option.collectonly:
            return
        stay_off_the_network()
        asked = {spec_of(item) for item in session.items}
        with _usage_errors():
            self._prepare([spec for spec in self.specs if spec in asked])

    def pytest_report_collectionfinish(self, items: Sequence[pytest.Item]) -> str | None:
        """Say what runs the machines, if any will be run."""
        quiet = self._config.option.collectonly or self._config.option.verbose < 0
        will_run = not quiet and any(map(spec_of, items))
        return self._accelerator if will_run else None

    def _prepare(self, specs: Sequence[str]) -> None:
        """Have the kernels there, and a snapshot of each, while a problem can still be said once."""
        if specs:
            self.workspace.require_emulator()
            with self._working("kernels") as tell:
                self._fleet.prepare(specs, tell)

    @property
    def _leads_workers(self) -> bool:
        """Whether tests run in workers of pytest-xdist, which cannot say what is wrong as well as we can."""
        return self._config.getoption("dist", "no") != "no" and not self._config.option.collectonly

    @property
    def _accelerator(self) -> str:
        choice = self._fleet.accelerator
        if choice.accelerator == "kvm":
            return "ebpf: machines run on KVM"
        reason = choice.reason.partition(" (")[0]
        return "ebpf: machines are emulated" + (f": {reason}" if reason else "")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """End every machine. A test that Ctrl-C ended may have left a call half done: ask no more."""
        self.cells.abandon()
        self._fleet.close()

    pytest_unconfigure = pytest_sessionfinish

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Have what a worker of pytest-xdist has to say travel with the next report, and say it here."""
        for message in getattr(report, _SAID, ()):
            self._say(message)
        if self._unsaid:
            setattr(report, _SAID, self._unsaid)
            self._unsaid = []

    def _say(self, message: str) -> None:
        """Show *message* in a line of its own, even in the middle of a test; with ``-q`` not at all.

        A worker keeps it for later.
        """
        if self._config.option.verbose < 0:
            return
        if hasattr(self._config, "workerinput"):
            self._unsaid.append(message)
            return
        plugins = self._config.pluginmanager
        reporter, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")
        if reporter is None:
            return

        def write() -> None:
            reporter.ensure_newline()
            reporter.write_line(f"ebpf: {message}")

        if self._line is not None:
            self._line.above(write)
            return
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            write()

    @contextmanager
    def _working(self, what: str) -> Iterator[Callable[[str], None]]:
        """Show on a terminal that *what* is going on, as long as it is; nowhere else, nor with ``-q``.

        Gives a function to tell how far it is.
        """
        plugins = self._config.pluginmanager
        reporter, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")
        quiet = hasattr(self._config, "workerinput") or self._config.option.verbose < 0
        if quiet or reporter is None or not reporter.isatty:
            yield lambda _: None
            return

        def draw(text: str) -> None:
            reporter.rewrite(f"ebpf: {text}" if text else "", erase=True)
            if not text:
                reporter.write("\r")
            reporter.flush()

        with capture.global_and_fixture_disabled() if capture else nullcontext():
            try:
                with ProgressLine(what, draw) as self._line:
                    yield self._line.tell
            finally:
                self._line = None


@contextmanager
def _usage_errors() -> Iterator[None]:
    """Have pytest print errors of ours by themselves, and exit with status 4."""
    try:
        yield
    except EbpfError as error:
        raise pytest.UsageError(str(error)) from error
