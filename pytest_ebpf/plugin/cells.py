"""How each cell of the matrix, one test on one kernel, gets its kernel."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Final

import pytest
from _pytest.runner import runtestprotocol

from pytest_ebpf.errors import UsageError
from pytest_ebpf.plugin import budgets, outcomes, ranges, sameness
from pytest_ebpf.plugin.scopes import Isolation, scope_of
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.session.fleet import Fleet, Want
from pytest_ebpf.session.place import Place
from pytest_ebpf.session.workspace import Workspace

_EBPF: Final = pytest.StashKey[Ebpf]()


class Cells:
    """Gives each test its kernel, ready when it begins, and once more where we could not tell."""

    def __init__(
        self,
        config: pytest.Config,
        workspace: Workspace,
        fleet: Fleet,
        *,
        say: Callable[[str], None],
    ) -> None:
        self._config = config
        self._workspace = workspace
        self._fleet = fleet
        self._say = say
        self._isolation: Isolation = config.getoption("--ebpf-isolation") or workspace.test.isolation
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
            others=partial(self._others, spec, scope),
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
        self._fleet.prefetch(want for item in self._upcoming() if (want := self._want(item)))

    def _upcoming(self) -> Iterator[pytest.Item]:
        """Give the next few eBPF tests; a worker of pytest-xdist knows of no more than one."""
        after = self._next
        for _ in range(self._fleet.ahead):
            if after is None or spec_of(after) is None:
                return
            yield after
            after = self._after.get(after)

    def _others(self, spec: str, scope: str) -> bool:
        """Whether a test to come wants another machine with this kernel; it may, where that is not known."""
        each = self._next
        if not self._after:
            return each is not None
        while each is not None:
            if (want := self._want(each)) and want.spec == spec and want.scope != scope:
                return True
            each = self._after.get(each)
        return False

    def _want(self, item: pytest.Item) -> Want | None:
        """What a test to come will ask for; None if that is none of ours, or its marker is wrong."""
        spec = spec_of(item)
        if spec is None:
            return None
        try:
            return Want(spec, scope_of(item, self._isolation), str(item.path))
        except UsageError:  # it is said to that test
            return None

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


def given_to(item: pytest.Item) -> Ebpf | None:
    """Return what *item* was given, None if it has got no kernel yet."""
    return item.stash.get(_EBPF, None)


def spec_of(item: pytest.Item) -> str | None:
    """Return the kernel that *item* is to run on, None if it is no eBPF test."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("ebpf") if callspec else None
