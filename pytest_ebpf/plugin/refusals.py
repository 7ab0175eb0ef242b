"""What stands below a test whose program was refused: why, where the log is, what another kernel says."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest

from pytest_ebpf.errors import EbpfError, LoadError
from pytest_ebpf.plugin import cachefolders, outcomes
from pytest_ebpf.plugin.cells import spec_of
from pytest_ebpf.plugin.tracebacks import tail
from pytest_ebpf.session.fleet import Fleet

#: Lines of a log that documents have, the last.
_LINES: Final = 400

#: Logs that are kept, the newest: each has at most the 4 MiB that a guest keeps of one.
_KEPT: Final = 50

_FOLDER: Final = "ebpf-logs"
_UNSUITABLE: Final = re.compile(r"[^\w.\[\]-]+")

_LOG: Final = "log of libbpf and the verifier"
_WHY: Final = "why the program was refused"


class Refusals:
    """Explains each :class:`~pytest_ebpf.errors.LoadError` in the report of its test.

    With ``--ebpf-explain`` the newest kernel of *specs* is asked as well.
    """

    def __init__(self, config: pytest.Config, fleet: Fleet, specs: tuple[str, ...]) -> None:
        self._config = config
        self._fleet = fleet
        self._specs = specs
        self._elsewhere: bool = config.getoption("--ebpf-explain")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add the sections."""
        made = yield
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, LoadError) and error.log:
            sections = dict(self.sections(f"{item.path.stem}-{item.name}", error))
            made.sections += sections.items()
            if _LOG not in sections:
                outcomes.add_besides(made, _LOG, tail(error.log, _LINES))
            if made.failed and self._elsewhere:
                made.sections += self._asked(error, spec_of(item))
        return made

    def sections(self, name: str, error: LoadError) -> Iterator[tuple[str, str]]:
        """What is said of *error*, and the file in which its log is kept for the test *name*."""
        path = self._keep(name, error.log)
        lines = len(error.log.splitlines())
        if error.explanation and path:
            yield _WHY, f"{error.explanation}\nlog: {lines} lines, {lines - 1} left out: {path}"
            return
        if error.explanation:
            yield _WHY, error.explanation
        yield _LOG, tail(error.log)

    def _keep(self, name: str, log: str) -> Path | None:
        """Write *log* to pytest's cache, and return the file; None where there is no cache."""
        try:
            folder = cachefolders.folder(self._config, _FOLDER)
            if folder is None:
                return None
            path = folder / f"{_UNSUITABLE.sub('_', name)[:120]}.log"
            path.write_text(log, encoding="utf-8")
        except OSError:
            return None
        cachefolders.keep_newest(folder, _KEPT)
        here = self._config.invocation_params.dir
        return path.relative_to(here) if path.is_relative_to(here) else path

    def _asked(self, error: LoadError, spec: str | None) -> Iterator[tuple[str, str]]:
        """What the newest kernel says of the same object, unless that is *spec*, which has refused it."""
        newest = max(self._specs, key=lambda spec: self._fleet.kernel(spec).version)
        if error.retry is None or newest == spec:
            return
        try:
            with self._fleet.aside(newest) as running:
                label = running.label
                try:
                    error.retry(running.guest)
                except LoadError as other:
                    said = other.explanation or str(other)
                    text = "the same" if said == error.explanation else said
                else:
                    text = "it takes the program"
        except EbpfError as failure:
            label, text = newest, f"it could not be asked: {failure}"
        yield f"what kernel {label} says", text
