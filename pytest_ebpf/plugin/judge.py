"""What became of a cell: what its kernel says of it, its outcome, and what helps to look into a failure."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Final

import pytest

from pytest_ebpf.errors import EbpfError, KernelCrashedError
from pytest_ebpf.machine import kernellog
from pytest_ebpf.plugin import assertions, budgets, evidence, markers, outcomes, ranges, sameness, tracebacks
from pytest_ebpf.plugin.cells import given_to, spec_of
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.session.failure import lost_machine
from pytest_ebpf.session.fleet import Fleet
from pytest_ebpf.session.limits import Limits

_KERNEL_LOG: Final = pytest.StashKey[str]()
_PRINTED: Final = pytest.StashKey[str]()


class Judge:
    """Hears what the kernel says during a test, and says what became of the test.

    *allowed* are complaints of a kernel that are no failure. *label* is what a kernel is called in the names
    of tests.
    """

    def __init__(
        self,
        config: pytest.Config,
        fleet: Fleet,
        limits: Limits,
        *,
        allowed: Sequence[str],
        label: Callable[[str], str],
    ) -> None:
        self._config = config
        self._fleet = fleet
        self._limits = limits
        self._allowed = [re.compile(each) for each in allowed]
        self._label = label

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
        ebpf = given_to(item)
        if ebpf is not None:
            budgets.check(item, ebpf.sizes, self._limits)
            if sameness.wanted(item):
                sameness.note(item, ebpf)

    def _hear(self, item: pytest.Item) -> None:
        ebpf = given_to(item)
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
        given = given_to(item)
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
    ebpf = given_to(item)
    if ebpf is not None and ebpf.alive:
        with suppress(EbpfError):
            item.stash[_PRINTED] = "\n".join(ebpf.printk())


def _parameters(item: pytest.Item) -> str:
    """Return what stands in the brackets of a test's name."""
    callspec = getattr(item, "callspec", None)
    return callspec.id if callspec else ""
