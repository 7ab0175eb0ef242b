"""What every part of the suite may use."""

from __future__ import annotations

import os
import signal

import hypothesis
import pytest

#: What a shell or a CI may have set that changes what is said and how it is drawn, by us, pytest and others.
_FOREIGN = (
    *("BUILD_NUMBER", "CI", "EBPF_CLANG", "GITHUB_STEP_SUMMARY"),
    *("COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "PY_COLORS"),
    *("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTHONBREAKPOINT", "PYTHONWARNINGS"),
    *("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_TIME", "TZ"),
)
for _name in _FOREIGN:
    os.environ.pop(_name, None)
os.environ |= {"LC_ALL": "C.UTF-8", "TZ": "UTC"}

#: What runs in the background, or by nohup, ignores these, and so would all that tests start and then signal.
#: Handlers are not inherited: with one that does nothing the suite goes on ignoring them, and nothing else.
for _number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)
signal.pthread_sigmask(signal.SIG_SETMASK, ())

#: Properties are tried with the same examples in each run of the suite: what a commit broke fails on that
#: commit, for everybody. `make fuzz` tries others, and more of them, for as long as it is told.
_WANTED = os.environ.get("FUZZ_EXAMPLES")
hypothesis.settings.register_profile(
    "suite",
    max_examples=int(_WANTED or 150),
    derandomize=not _WANTED,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.load_profile("suite")

pytest_plugins = "pytester"

#: A project of its own, with its own manifest: `make hooks` runs it.
collect_ignore = ["hooks"]


@pytest.fixture(scope="session")
def accelerator_decided() -> None:
    """Have KVM tried, once for each boot of the host: whoever is first says so, which no test expects."""
    from pytest_ebpf.kernels import KernelStore  # noqa: PLC0415 - only for those who start machines
    from pytest_ebpf.session.fleet import Fleet  # noqa: PLC0415

    assert Fleet(KernelStore(lock=None, say=print), say=print).accelerator
