"""Which of the kernels in the cache have what another one lacks."""

from __future__ import annotations

import pytest

from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.session.elsewhere import elsewhere


@pytest.fixture(scope="module")
def store():
    return KernelStore(lock=None, say=print)


@pytest.mark.parametrize("name", ["__x64_sys_futex_wake", "btf_trace_sched_switch", "do_unlinkat"])
def test_what_another_kernel_has(store, name):
    old, new = store.get("5.10"), store.get("7.2")
    version = elsewhere(store, old, name)
    assert version is not None
    assert not version.startswith("5.10")
    assert elsewhere(store, new, name) is not None


def test_what_none_has(store):
    assert elsewhere(store, store.get("6.12"), "do_unlinktat") is None


def test_a_kernel_does_not_count_for_itself(store):
    """``sys_futex_wake`` came with Linux 6.7."""
    older = [store.get("5.10"), store.get("6.1")]
    for kernel in store.cached():
        found = elsewhere(store, kernel, "__x64_sys_futex_wake")
        assert found != str(kernel.version)
        assert found not in {str(each.version) for each in older}
