"""Who gets which machine of a fleet, and that all of them end."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
import traces

from pytest_ebpf import paths
from pytest_ebpf.errors import KernelError
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.session import fleet as fleets
from pytest_ebpf.session.fleet import Fleet, Want


def children() -> set[int]:
    return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))


@pytest.fixture
def said():
    return []


@pytest.fixture
def fleet(said):
    """A fleet that leaves no child process behind."""
    before = children()
    made = Fleet(KernelStore(lock=None, say=said.append), accelerator_request="tcg", say=said.append)
    yield made
    made.close()
    assert children() <= before


def test_an_image_without_the_modules_that_it_needs(fleet, tmp_path):
    """6.1 has its virtio console as a module; that is said once, before any test."""
    kernel = fleet.kernel("6.1")
    shutil.copy(kernel.image, image := tmp_path / "bzImage")
    with pytest.raises(KernelError) as caught:
        fleet.prepare([str(image)])
    release = kernel.release
    assert str(caught.value) == (
        f"{image}: kernel {release} has no virtio console, and no modules are beside it; give the image "
        f"as boot/vmlinuz-{release} with lib/modules/{release} beside boot, or build it with "
        "CONFIG_VIRTIO_PCI=y and CONFIG_VIRTIO_CONSOLE=y"
    )


def test_what_is_done_before_the_first_test_is_told(fleet):
    told = []
    fleet.prepare(["6.12", "7.2"], told.append)
    assert told == [
        "fetching 6.12, 0 of 2",
        "fetching 7.2, 1 of 2",
        "0 of 2 can start",
        "1 of 2 can start",
        "2 of 2 can start",
    ]


def test_a_scope_keeps_its_machine(fleet):
    first = fleet.running("6.12", "one")
    assert fleet.running("6.12", "one") is first


def test_another_scope_gets_a_fresh_one_and_the_old_one_ends(fleet):
    first = fleet.running("6.12", "one")
    second = fleet.running("6.12", "two")
    assert second.machine.pid != first.machine.pid
    assert not first.machine.alive


def test_kernels_do_not_disturb_each_other(fleet):
    old, new = fleet.running("6.1", "one"), fleet.running("6.12", "one")
    assert old.machine.alive
    assert (old.label, new.label) == (str(old.kernel.version), str(new.kernel.version))
    assert fleet.running("6.1", "one") is old


def test_a_machine_that_died_is_replaced(fleet):
    first = fleet.running("6.12", "one")
    os.kill(first.machine.pid, signal.SIGKILL)
    assert traces.eventually(lambda: not first.machine.alive, 60)
    second = fleet.running("6.12", "one")
    assert second.guest.hello.release == second.kernel.release


def test_a_cold_one_is_booted_and_has_nothing_in_its_log_either(fleet):
    running = fleet.running("6.12", "one", cold=True)
    assert "Linux version" not in running.guest.call("klog")


def test_what_was_started_ahead_is_what_is_given(fleet):
    fleet.running("6.12", "one")
    before = children()
    fleet.prefetch([Want("6.12", "two", "test_x.py")])
    (ahead,) = children() - before
    assert fleet.running("6.12", "two").machine.pid == ahead


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    """A cache of this test alone: others would tell that a snapshot is made which they found thrown away."""
    for name in ("kernels", "accelerator.json"):
        (tmp_path / name).symlink_to(paths.cache_root() / name)
    monkeypatch.setenv("PYTEST_EBPF_CACHE", str(tmp_path))


@pytest.mark.usefixtures("own_cache")
def test_one_that_was_started_ahead_and_died_is_told_and_replaced(fleet, said):
    fleet.running("6.12", "one")
    before = children()
    fleet.prefetch([Want("6.12", "two", "test_x.py")])
    (ahead,) = children() - before
    os.kill(ahead, signal.SIGKILL)
    running = fleet.running("6.12", "two")
    assert running.guest.hello.release == running.kernel.release
    assert any("thrown away: it does not come up" in line for line in said)


def test_no_more_run_than_there_is_memory_for(fleet, monkeypatch):
    monkeypatch.setattr(fleets, "machines_at_once", lambda memory, workers: 2)
    old, middle = fleet.running("5.10", "one"), fleet.running("6.1", "one")
    new = fleet.running("6.12", "one")
    assert [each.machine.alive for each in (old, middle, new)] == [False, True, True]


def test_all_end_even_those_that_nobody_asked_for(fleet):
    before = children()
    fleet.running("6.12", "one")
    fleet.prefetch([Want("6.12", "two", "test_x.py"), Want("6.1", "two", "test_x.py")])
    fleet.close()
    assert children() <= before
