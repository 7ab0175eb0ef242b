"""What every part of the suite may use."""

from __future__ import annotations

import os

import hypothesis
import pytest

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
