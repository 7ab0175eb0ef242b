"""Every hook: attached, triggered, observed; and the table in ``docs/hooks.md`` of what is proven where.

A project as a user would have it, with a manifest of its own, run by ``make hooks``. Each test says with
``@pytest.mark.hook("fentry")`` which hook it proves. With ``--leave-out-attach`` nothing is ever attached,
and every test has to fail: one that passes then proves nothing.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, Self

import pytest
import table
from pair import Pair

from pytest_ebpf import bpf
from pytest_ebpf.errors import UnsupportedError
from pytest_ebpf.plugin import outcomes
from pytest_ebpf.session.ebpf import Ebpf

HOOKS = Path(__file__).parents[2] / "docs" / "hooks.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hooks", "the table of hooks")
    group.addoption("--leave-out-attach", action="store_true", help="attach nothing: every test must fail")
    group.addoption("--write-table", action="store_true", help="write docs/hooks.md instead of comparing it")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "hook(name, attached=True): what this test proves, and whether by attaching"
    )
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Table(config), "hooks-table")


class Unattached:
    """What attaching gives where it is left out."""

    attached = False
    mode = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


@pytest.fixture(autouse=True)
def _nothing_attached(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.config.getoption("--leave-out-attach"):
        for owner in (bpf.Program, bpf.LoadedObject, bpf.StructOpsMap):
            monkeypatch.setattr(owner, "attach", lambda *_, **__: Unattached())


@pytest.fixture
def pair(ebpf: Ebpf) -> Pair:
    """A pair of veth devices, one end in the first network of the guest, the other in one of its own."""
    space = ebpf.guest.namespace("far")
    return Pair.join(ebpf, space, *ebpf.guest.veth("near", "far", netns=space))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Expect a failure where nothing is attached."""
    marker = pyfuncitem.get_closest_marker("hook")
    left_out = pyfuncitem.config.getoption("--leave-out-attach")
    if not left_out or marker is None or not marker.kwargs.get("attached", True):
        return (yield)
    try:
        yield
    except (UnsupportedError, pytest.skip.Exception):
        raise
    except (Exception, pytest.fail.Exception):  # however it fails, it has seen the difference
        return True
    raise AssertionError("passes, though nothing is attached")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have the name of the hook travel with the report."""
    report = yield
    if marker := item.get_closest_marker("hook"):
        report.user_properties.append(("hook", marker.args[0]))
    return report


class Table:
    """Collects what became of each hook on each kernel, and holds it against the documentation."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._proofs: list[table.Proof] = []
        self._deselected = False

    def pytest_deselected(self) -> None:
        self._deselected = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        phase = outcomes.detach(report)
        if phase is None or (report.when != "call" and report.passed):
            return
        for name, value in report.user_properties:
            if name == "hook":
                file = report.nodeid.partition("::")[0].rpartition("/")[2]
                self._proofs.append(table.Proof(str(value), file, phase.spec, phase.outcome, phase.reason))

    @property
    def _whole(self) -> bool:
        """Whether this run has seen all there is to see."""
        asked = self._config.getoption("--ebpf-kernel") in (None, "all")
        named = any("::" in arg or arg.endswith(".py") for arg in self._config.args)
        return asked and not named and not self._deselected and not self._config.option.collectonly

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus or self._config.getoption("--leave-out-attach") or not self._whole:
            return
        text = table.page(self._proofs)
        if self._config.getoption("--write-table"):
            HOOKS.write_text(text)
        elif not HOOKS.exists() or HOOKS.read_text() != text:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            reporter = self._config.pluginmanager.get_plugin("terminalreporter")
            reporter.ensure_newline()
            reporter.write_line(
                "docs/hooks.md: not what these tests have proven; write it anew: make hooks-table", red=True
            )
