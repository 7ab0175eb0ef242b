"""The pytest plugin. Inert and cheap to import until a project has an ``ebpf.toml`` or asks for a kernel."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from pytest_ebpf.manifest import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_ebpf.plugin.active import ActivePlugin
    from pytest_ebpf.session.ebpf import Ebpf

_MARKER: Final = (
    "ebpf_kernel(range, reason=...): run this test only on kernels in the range, such as "
    '">=5.15" or ">=5.10,<6.12"; elsewhere it is skipped for the reason'
)

_ISOLATION: Final = (
    'ebpf_isolation(scope): give "test" (every one), "module" or "session" a fresh kernel '
    "(default: --ebpf-isolation, else what the manifest says, else test)"
)

_SAME: Final = (
    "ebpf_same_on_all_kernels(ignore=[...]): this test must give the same verdicts, packets, contexts, map "
    'and global contents on every kernel of the run, but for what is ignored ("maps.seen", "IP.id")'
)

_BUDGET: Final = (
    "ebpf_budget(verified_insns=..., states=..., peak_states=..., stack=..., program=...): the most that the "
    "verifier may have to do for the programs that this test loads, or for the one named"
)

_ACTIVE: Final[pytest.StashKey[ActivePlugin]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, all in a group of their own."""
    group = parser.getgroup("ebpf", "eBPF programs on real kernels")
    group.addoption(
        "--ebpf-kernel",
        metavar="SPEC",
        default=None,
        help='kernels to run on: "6.1,6.12", "latest", the path of an image, or "all" or ">=6.1" of those in '
        "the manifest (default: all)",
    )
    group.addoption(
        "--ebpf-report",
        metavar="DIR",
        default=None,
        help="write the matrix as report.html, matrix.json, matrix.md, and summary.md for a pull request",
    )
    group.addoption(
        "--ebpf-baseline",
        metavar="FILE",
        default=None,
        help="the matrix.json of the run to tell changes from (default: the last run, from pytest's cache)",
    )
    group.addoption(
        "--ebpf-write-baseline",
        action="store_true",
        help="write what the verifier had to do to the baseline of the manifest (default: "
        "ebpf-baseline.json), and hold no program against the one that is there",
    )
    group.addoption(
        "--ebpf-manifest",
        metavar="FILE",
        default=None,
        help="the manifest (default: ebpf.toml, looked for upwards)",
    )
    group.addoption(
        "--ebpf-isolation",
        choices=("test", "module", "session"),
        default=None,
        help="what gets a fresh kernel (default: what the manifest says, else every test)",
    )
    group.addoption(
        "--ebpf-timeout",
        type=_seconds,
        metavar="SECONDS",
        default=None,
        help="what the calls of one test may take (default: what the manifest says, else 120)",
    )
    group.addoption(
        "--ebpf-run-timeout",
        type=_seconds,
        metavar="SECONDS",
        default=math.inf,
        help="what the whole run may take; a test that begins later is timed out (default: no limit)",
    )
    group.addoption(
        "--ebpf-below-range",
        action="store_true",
        help="run tests also on kernels that ebpf_kernel leaves out, and tell which ranges could be wider",
    )
    group.addoption(
        "--ebpf-explain",
        action="store_true",
        help="of a program that a kernel refuses, say too what the newest kernel of the run says of it",
    )
    group.addoption(
        "--ebpf-accelerator",
        choices=("auto", "kvm", "tcg"),
        default="auto",
        help="how machines are run; auto takes KVM if it is proven to work here (default: auto)",
    )


def _seconds(text: str) -> float:
    """Read a time that an option gives; "inf" is one, too."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:  # nor is it not a number
        raise ArgumentTypeError(f'not a time in seconds (seen "{text}"); write a number above 0')
    return seconds


def pytest_configure(config: pytest.Config) -> None:
    """Come to life where there is a manifest or a kernel is asked for."""
    config.addinivalue_line("markers", _MARKER)
    config.addinivalue_line("markers", _ISOLATION)
    config.addinivalue_line("markers", _SAME)
    config.addinivalue_line("markers", _BUDGET)
    manifest = _manifest(config)
    if manifest is None and not config.getoption("--ebpf-kernel"):
        return
    from pytest_ebpf.plugin.active import ActivePlugin  # noqa: PLC0415 - all that is heavy is behind it

    active = ActivePlugin(config, manifest)
    config.stash[_ACTIVE] = active
    config.pluginmanager.register(active, "ebpf-active")
    config.pluginmanager.register(active.cells, "ebpf-cells")
    config.pluginmanager.register(active.judge, "ebpf-judge")
    config.pluginmanager.register(active.refusals, "ebpf-refusals")
    config.pluginmanager.register(active.summary, "ebpf-summary")
    config.pluginmanager.register(active.assertions, "ebpf-assertions")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(active.afterwards, "ebpf-afterwards")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that asks for ``ebpf`` once for each kernel."""
    active = metafunc.config.stash.get(_ACTIVE, None)
    if active is not None and "ebpf" in metafunc.fixturenames:
        specs = active.specs
        metafunc.parametrize("ebpf", specs, indirect=True, ids=active.label)


@pytest.fixture
def ebpf(request: pytest.FixtureRequest) -> Iterator[Ebpf]:
    """The objects of the project on a booted kernel; see ``docs/api.md``."""
    active = request.config.stash.get(_ACTIVE, None)
    if why := _cannot_run(request, active):
        pytest.fail(f"ebpf: {why}", pytrace=False)
    assert active is not None
    yield from active.cells.provide(request)


def _cannot_run(request: pytest.FixtureRequest, active: ActivePlugin | None) -> str:
    """Why this test can have no kernel, "" if it can."""
    own, manifest = find(request.node.path), active.workspace.manifest_path if active else None
    if own and own != manifest and not request.config.getoption("--ebpf-manifest"):
        return f"this test is of another project, {own}; run pytest in its folder, one project at a time"
    if active is None:
        folder = request.config.invocation_params.dir
        return f"there is no ebpf.toml in or above {folder}; write one, or name a kernel: --ebpf-kernel 6.12"
    if not hasattr(request, "param"):
        return (
            "pytest cannot run this once for each kernel: it is of a unittest.TestCase, a doctest, or "
            "calls getfixturevalue; take ebpf as an argument of a test function, or of a fixture of one"
        )
    return ""


def _manifest(config: pytest.Config) -> Path | None:
    """The manifest given, else the one nearest to an argument, else to where pytest was called."""
    if given := config.getoption("--ebpf-manifest"):
        return Path(given).absolute()
    starts = [*(Path(arg.partition("::")[0]) for arg in config.args), config.invocation_params.dir]
    return next(filter(None, map(find, starts)), None)
