"""Which other kernel has what a test's kernel has not: that tells a feature it lacks from a mistyped name."""

from __future__ import annotations

from contextlib import suppress

from pytest_ebpf.btf import Func, Typedef
from pytest_ebpf.errors import KernelError
from pytest_ebpf.kernels import Kernel, KernelStore


def elsewhere(store: KernelStore, here: Kernel, name: str) -> str | None:
    """The version of a kernel in the cache, other than *here*, whose BTF has *name*; the oldest of them.

    *name* is of a function, or of a typedef as tracepoints have one (``btf_trace_sched_switch``).
    """
    from pytest_ebpf.compat.facts import KernelFacts  # noqa: PLC0415  # only after something failed

    for kernel in store.cached():
        if kernel.release == here.release:
            continue
        with suppress(KernelError):
            if KernelFacts(kernel).btf.find(name, Func, Typedef) is not None:
                return str(kernel.version)
    return None
