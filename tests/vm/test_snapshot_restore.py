"""A restored machine is a fresh one: its clock is right, its randomness its own, its log empty."""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pytest_ebpf import paths
from pytest_ebpf.guest import Guest
from pytest_ebpf.machine import Machine
from pytest_ebpf.machine.shelf import Shelf
from pytest_ebpf.machine.snapshot import DamagedSnapshotError, restore
from pytest_ebpf.uapi import ProgType

Fresh = Callable[[], tuple[Machine, Guest]]

PRANDOM_AND_EXIT = struct.pack("<BBhi", 0x85, 0, 0, 7) + struct.pack("<BBhi", 0x95, 0, 0, 0)


@pytest.fixture
def fresh(line, machines) -> Iterator[Fresh]:
    """``fresh() -> (machine, guest)``: one more machine from the snapshot of this test's kernel."""
    shelf = Shelf(paths.cache_root(), say=print)
    with ExitStack() as running:

        def one() -> tuple[Machine, Guest]:
            snapshot = shelf.get(machines.recipe(line), timeout=300)
            machine, guest = restore(snapshot, call_timeout=60).ready(60)
            return running.enter_context(machine), guest

        yield one


def text(guest: Guest, path: str) -> str:
    return guest.call("read_file", path=path).decode().strip()


def test_what_comes_up_is_what_was_saved(fresh, kernel):
    _, guest = fresh()
    assert guest.hello.release == kernel.release


def test_its_clock_is_that_of_the_host(fresh):
    before = time.time()
    _, guest = fresh()
    (booted,) = [line for line in text(guest, "/proc/stat").splitlines() if line.startswith("btime ")]
    uptime = float(text(guest, "/proc/uptime").split()[0])
    # btime is in whole seconds; on a host that does much else some pass until the answers are here
    assert before - 2 < int(booted.split()[1]) + uptime < time.time() + 2


def test_it_reads_time_from_the_processor(fresh):
    """Not by I/O, and it has not just begun to, or it would change its clock in the middle of a test."""
    _, guest = fresh()
    assert text(guest, "/sys/devices/system/clocksource/clocksource0/current_clocksource") == "tsc"


def test_its_seconds_are_those_of_the_host(fresh):
    _, guest = fresh()

    def asked() -> tuple[float, float, float]:
        before = time.monotonic()
        uptime = float(text(guest, "/proc/uptime").split()[0])
        return before, uptime, time.monotonic()

    before, uptime, after = asked()
    time.sleep(1)
    before_then, uptime_then, after_then = asked()
    resolution = 0.02  # the kernel tells hundredths, twice
    assert before_then - after - resolution <= uptime_then - uptime <= after_then - before + resolution


@pytest.mark.parametrize("line", ["7.2"], indirect=True)
def test_nobody_looks_through_its_memory(fresh):
    _, guest = fresh()
    assert text(guest, "/sys/module/damon_stat/parameters/enabled") == "N"


def test_its_kernel_log_starts_empty_of_what_was_before(fresh):
    _, guest = fresh()
    log = guest.call("klog")
    assert "Linux version" not in log
    assert "random: " not in log


def test_random_bytes_are_never_those_of_another_machine(fresh):
    _, one = fresh()
    _, other = fresh()
    for path in ("/proc/sys/kernel/random/uuid", "/proc/sys/kernel/random/boot_id"):
        assert text(one, path) != text(other, path)
    assert one.call("read_file", path="/dev/urandom", limit=64) != other.call(
        "read_file", path="/dev/urandom", limit=64
    )


def prandom(guest: Guest) -> list[int]:
    filter_ = ProgType.SOCKET_FILTER
    made = guest.call("assemble", type=filter_, attach_type=0, insns=PRANDOM_AND_EXIT, license="GPL")
    return [row[1] for row in guest.call("run", prog=made["prog"], data=[bytes(64)] * 4)]


def test_so_are_those_of_bpf_get_prandom_u32(fresh):
    _, one = fresh()
    _, other = fresh()
    drawn = prandom(one) + prandom(other)
    assert len(set(drawn)) == len(drawn)


def test_what_one_writes_another_does_not_see(fresh):
    _, one = fresh()
    _, other = fresh()
    one.call("write_file", path="/tmp/mark", data=b"here")
    one.call("write_file", path="/proc/sys/kernel/hostname", data=b"marked")
    _, later = fresh()
    for guest in (other, later):
        assert text(guest, "/proc/sys/kernel/hostname") != "marked"
        (answer,) = guest.batch([("read_file", {"path": "/tmp/mark"})])
        assert answer.errno == 2
    assert text(one, "/proc/sys/kernel/hostname") == "marked"


@pytest.mark.parametrize("line", ["6.12"], indirect=True)
class TestMany:
    def test_eight_run_at_once(self, fresh):
        guests = [fresh()[1] for _ in range(8)]
        for number, guest in enumerate(guests):
            guest.call("write_file", path="/tmp/number", data=b"%d" % number)
        assert [text(guest, "/tmp/number") for guest in guests] == list("01234567")

    def test_each_takes_some_tens_of_megabytes_of_its_own(self, fresh):
        machine, guest = fresh()
        prandom(guest)
        rows = Path(f"/proc/{machine.pid}/smaps_rollup").read_text().splitlines()
        private = sum(int(row.split()[1]) for row in rows if row.startswith("Private_"))
        assert private < 80 << 10  # kB

    def test_one_that_is_killed_on_its_way_up_is_told(self, line, machines):
        shelf = Shelf(paths.cache_root(), say=print)
        waking = restore(shelf.get(machines.recipe(line), timeout=300), call_timeout=60)
        os.kill(waking.machine.pid, signal.SIGKILL)
        with pytest.raises(DamagedSnapshotError, match=r"^it does not come up \(the m.* SIGKILL\)\)$"):
            waking.ready(10)
        assert not waking.machine.alive
