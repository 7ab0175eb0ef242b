"""How many machines may run at once, from memory alone."""

from __future__ import annotations

import pytest

from pytest_ebpf.session import budget
from pytest_ebpf.session.budget import available_memory, machines_at_once, room_for_templates


@pytest.mark.parametrize(
    ("memory", "workers", "available", "machines"),
    [
        # half of the available MiB, by the guest's memory and 64 MiB beside it
        (256, 1, 24_000, 37),
        (256, 2, 24_000, 18),
        (256, 8, 24_000, 4),
        (1024, 1, 24_000, 11),
        (256, 1, 640, 1),
        (256, 1, 1280, 2),
    ],
)
def test_half_of_what_is_available_is_shared_out(memory, workers, available, machines):
    assert machines_at_once(memory, workers, available=available) == machines


@pytest.mark.parametrize(
    ("memory", "workers", "available"), [(256, 1, 0), (65536, 1, 24_000), (256, 64, 8000)]
)
def test_one_machine_is_always_allowed(memory, workers, available):
    assert machines_at_once(memory, workers, available=available) == 1


def test_all_workers_together_stay_within_the_budget():
    for workers in range(1, 40):
        each = machines_at_once(256, workers, available=24_000)
        assert each == 1 or each * workers <= machines_at_once(256, 1, available=24_000)


def test_what_is_available_is_read_from_the_kernel(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       16384000 kB\nMemAvailable:   12345678 kB\nBuffers: 9 kB\n")
    assert available_memory(meminfo) == 12056
    meminfo.write_text("MemTotal:       16384000 kB\n")
    assert available_memory(meminfo) == 0


def test_without_a_figure_the_host_is_asked(monkeypatch):
    assert available_memory() > 0
    monkeypatch.setattr(budget, "available_memory", lambda: 24_000)
    assert (machines_at_once(256, 1), room_for_templates(1)) == (37, 4800 << 20)


def test_templates_take_a_fifth_of_what_is_available_between_them():
    assert room_for_templates(1, available=10_000) == 2000 << 20
    assert room_for_templates(4, available=10_000) == 500 << 20
    assert room_for_templates(1, available=0) == 0
