"""What happens in a cell of the matrix: one test, on one kernel."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import asdict
from itertools import pairwise
from typing import Final

import pytest
from _pytest.runner import runtestprotocol

from pytest_ebpf.errors import EbpfError, KernelCrashedError
from pytest_ebpf.machine import kernellog
from pytest_ebpf.plugin import assertions, budgets, evidence, markers, outcomes, ranges, sameness, tracebacks
from pytest_ebpf.plugin.scopes import Isolation, scope_of
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.session.failure import lost_machine
from pytest_ebpf.session.fleet import Fleet, Want
from pytest_ebpf.session.limits import Limits
from pytest_ebpf.session.place import Place
from pytest_ebpf.session.workspace import Workspace

_EBPF: Final = pytest.StashKey[Ebpf]()
_KERNEL_LOG: Final = pytest.StashKey[str]()
_PRINTED: Final = pytest.StashKey[str]()


class Cells:
    """Gives each test its kernel, hears what the kernel says meanwhile, and says what became of the test.

    *label* is what a kernel is called in the names of tests.
    """

    def __init__(
        self,
        config: pytest.Config,
        workspace: Workspace,
        fleet: Fleet,
        limits: Limits,
        *,
        label: Callable[[str], str],
        say: Callable[[str], None],
    ) -> None:
        self._config = config
        self._workspace = workspace
        self._fleet = fleet
        self._limits = limits
        self._label = label
        self._say = say
        self._isolation: Isolation = config.getoption("--ebpf-isolation") or workspace.test.isolation
        self._allowed = [re.compile(splat.match) for splat in workspace.test.allow_splats]
        self._timeout: float = config.getoption("--ebpf-timeout") or workspace.test.timeout
        self._end: float = time.monotonic() + config.getoption("--ebpf-run-timeout")
        self._next: pytest.Item | None = None
        self._after: dict[pytest.Item, pytest.Item] = {}
        self._retrying = False
        self._given: Ebpf | None = None
        self._place: Place | None = None
        self._stopped = self._deadline = 0.0

    def abandon(self) -> None:
        """Give up the test that runs, if one does."""
        if self._given:
            self._given.abandon()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note the order of tests, as far as this process runs them in order."""
        if not hasattr(self._config, "workerinput"):
            self._after = dict(pairwise(session.items))

    def provide(self, request: pytest.FixtureRequest) -> Iterator[Ebpf]:
        """Give the test its kernel; take everything back when it ends."""
        spec: str = request.param
        item = request.node
        self._skip_outside(item, spec)
        budgets.of(item)  # a wrong marker is said before the test
        scope = scope_of(item, self._isolation)
        self._place = Place(
            self._fleet,
            spec,
            scope,
            str(item.path),
            self._until(),
            cold=self._retrying,
            shared=scope != item.nodeid,
            observed=sameness.wanted(item),
        )
        item.stash[_EBPF] = self._given = ebpf = Ebpf(self._workspace, self._place)
        yield ebpf
        ebpf.close()
        self._given = self._place = None

    def pytest_enter_pdb(self) -> None:
        """Stop the clocks while somebody looks at a test in a debugger."""
        self._stopped = time.monotonic()
        if self._place:
            self._deadline = self._place.until
            self._place.set_deadline(math.inf)

    def pytest_leave_pdb(self) -> None:
        """Let the clocks go on."""
        away = time.monotonic() - self._stopped
        self._end += away
        if self._place and self._place.until == math.inf:  # it was there when they stopped
            self._place.set_deadline(self._deadline + away)

    def _skip_outside(self, item: pytest.Item, spec: str) -> None:
        """Skip *item* on a kernel that it is not for, unless it is to run there all the same."""
        if found := ranges.outside(item, self._fleet.kernel(spec).version):
            item.stash[ranges.KEY] = found
            if not self._config.getoption("--ebpf-below-range"):
                pytest.skip(found.text)

    def _until(self) -> float:
        """Return when a test that starts now must have ended."""
        return min(time.monotonic() + self._timeout, self._end)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_setup(self) -> None:
        """Start the machine of the next test while this one runs."""
        self._fleet.prefetch(map(self._want, self._upcoming()))

    def _upcoming(self) -> Iterator[pytest.Item]:
        """Give the next few eBPF tests; a worker of pytest-xdist knows of no more than one."""
        after = self._next
        for _ in range(self._fleet.ahead):
            if after is None or spec_of(after) is None:
                return
            yield after
            after = self._after.get(after)

    def _want(self, item: pytest.Item) -> Want:
        return Want(spec_of(item) or "", scope_of(item, self._isolation), str(item.path))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a test, and once more on a kernel booted for it if we could not tell what became of it."""
        if spec_of(item) is None:
            return None
        self._next = nextitem
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        if any(map(outcomes.could_not_tell, reports)):
            self._say(f"{item.nodeid}: once more, on a kernel booted for it")
            self._retrying = True
            item._initrequest()  # type: ignore[attr-defined]  # noqa: SLF001  as pytest-rerunfailures does
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
            self._retrying = False
        outcomes.describe(reports)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Keep what the kernel logged during the test; a complaint of it is the test's outcome."""
        __tracebackhide__ = True
        try:
            yield
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise
        except BaseException as error:
            if not lost_machine(error):
                _hear_programs(item)
                self._hear(item)
            raise
        self._hear(item)
        ebpf = item.stash.get(_EBPF, None)
        if ebpf is not None:
            budgets.check(item, ebpf.sizes, self._limits)
            if sameness.wanted(item):
                sameness.note(item, ebpf)

    def _hear(self, item: pytest.Item) -> None:
        ebpf = item.stash.get(_EBPF, None)
        if ebpf is None or not ebpf.alive:
            return
        lines = kernellog.messages(ebpf.kernel_log())
        item.stash[_KERNEL_LOG] = "\n".join(lines)
        if found := kernellog.splat(lines, self._allowed):
            raise KernelCrashedError(found, console="\n".join(lines))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn our errors into outcomes of cells, without the frames of this package."""
        error = call.excinfo.value if call.excinfo else None
        assertions.explain(error, self._config.get_verbosity(pytest.Config.VERBOSITY_ASSERTIONS))
        if call.excinfo and not self._config.option.fulltrace:
            tracebacks.shorten(call.excinfo)
        made = yield
        if call.excinfo and tracebacks.is_all_ours(call.excinfo):
            made.longrepr = str(error)
        made.sections += tracebacks.sections(error)
        if call.when == "call" and made.failed:
            made.sections += _heard(item)
        spec = spec_of(item)
        if spec is not None:
            self._judge(made, item, spec, error)
        return made

    def _judge(
        self, made: pytest.TestReport, item: pytest.Item, spec: str, error: BaseException | None
    ) -> None:
        """Have *made* tell of its cell: the outcome, what helps to look into a failure, what was measured."""
        line = markers.line_of(item)
        outcome, reason = outcomes.classify(made, error)
        outcomes.impose(made, outcome, reason, (item.location[0], line))
        outcome, reason = ranges.excuse(made, item, outcome) or (outcome, reason)
        name = evidence.name_of(self._config, item, spec, self._label(spec))
        sameness.attach(made, item, name)
        given = item.stash.get(_EBPF, None)
        if lost_machine(error):
            if given:
                given.abandon()
            self._fleet.discard(spec)
        if made.failed:
            made.sections += self._evidence(item, given)
            made.sections.append((evidence.AGAIN, evidence.command(self._config, [name], [spec])))
        loaded = given if made.when == "teardown" else None  # all that it will have
        phase = outcomes.Phase(
            row=outcomes.row_of(item.nodeid, _parameters(item), self._label(spec)),
            line=line,
            spec=spec,
            column=given.label if given else "",
            outcome=outcome.value,
            reason=reason,
            duration=made.duration,
            programs=tuple(map(asdict, loaded.sizes)) if loaded else (),
            predictions=tuple(map(asdict, loaded.predictions())) if loaded else (),
        )
        outcomes.attach(made, phase)

    def _evidence(self, item: pytest.Item, given: Ebpf | None) -> Iterator[tuple[str, str]]:
        """The sections of what *item*, which failed, attached and gave to programs last."""
        if given:
            yield from evidence.modes(given.modes)
            yield from evidence.given(self._config, item, given.given)


def _heard(item: pytest.Item) -> list[tuple[str, str]]:
    """The sections of what programs and the kernel said during *item*."""
    return [
        (title, tracebacks.tail(text))
        for title, key in (("bpf_printk", _PRINTED), ("kernel log of the guest", _KERNEL_LOG))
        if (text := item.stash.get(key, ""))
    ]


def _hear_programs(item: pytest.Item) -> None:
    """Keep what programs printed in a test that failed, if they can still be asked."""
    ebpf = item.stash.get(_EBPF, None)
    if ebpf is not None and ebpf.alive:
        with suppress(EbpfError):
            item.stash[_PRINTED] = "\n".join(ebpf.printk())


def spec_of(item: pytest.Item) -> str | None:
    """Return the kernel that *item* is to run on, None if it is no eBPF test."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("ebpf") if callspec else None


def _parameters(item: pytest.Item) -> str:
    """Return what stands in the brackets of a test's name."""
    callspec = getattr(item, "callspec", None)
    return callspec.id if callspec else ""
