"""What every part of the suite may use."""

from __future__ import annotations

import pytest

pytest_plugins = "pytester"

#: A project of its own, with its own manifest: `make hooks` runs it.
collect_ignore = ["hooks"]


@pytest.fixture(scope="session")
def accelerator_decided() -> None:
    """Have KVM tried, once for each boot of the host: whoever is first says so, which no test expects."""
    from pytest_ebpf.kernels import KernelStore  # noqa: PLC0415 - only for those who start machines
    from pytest_ebpf.session.fleet import Fleet  # noqa: PLC0415

    assert Fleet(KernelStore(lock=None, say=print), say=print).accelerator
