"""What is done before a machine is saved is not done by a call: each is told by the system calls it makes.

In a machine just restored the emulator has translated nothing yet: what the kernel need not do there is what
makes a test quick, whatever the host is doing.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable

import pytest

from pytest_ebpf.guest import CallError

# arch/x86/entry/syscalls/syscall_64.tbl
READ, WRITE, CLOSE, IOCTL, GETPID, WAIT4 = 0, 1, 3, 16, 39, 61
MMAP, MADVISE, SOCKETPAIR, CLOCK_GETTIME, OPENAT, PERF_EVENT_OPEN, BPF = 9, 28, 53, 228, 257, 298, 321

#: What waiting for a call and answering it takes; the clock is asked where it cannot be read.
SERVING = {READ, WRITE, WAIT4, CLOCK_GETTIME}

#: Attached to by the program ``hit``.
GETPGID = 121


@pytest.fixture
def warm(guest):
    assert guest.call("warm") is None
    return guest


@pytest.fixture
def loaded(warm, load_object):
    """``tests/vm/data/calls.bpf.c``, in an agent that is warm."""
    return load_object("calls")


@pytest.fixture
def calls_of(warm, loaded) -> Callable[..., Counter[int]]:
    """``calls_of("read_file", path=...)``: the numbers of the system calls that the agent made for it."""
    counted = loaded.maps.calls

    def one(op: str, **arguments: object) -> Counter[int]:
        before = Counter(dict(enumerate(counted)))
        with loaded.programs.count.attach():
            warm.call(op, **arguments)
        return Counter(dict(enumerate(counted))) - before

    return one


def beyond_serving(calls: Counter[int]) -> set[int]:
    """Of the calls that were counted, those that are not of serving; and not of detaching the counter."""
    return set(calls) - SERVING - {CLOSE}


def test_a_tracepoint_is_attached_to_without_asking_for_its_number(loaded, calls_of):
    program = loaded.programs.hit
    category, name = "syscalls", "sys_enter_getpgid"
    calls = calls_of("attach", prog=program.handle, how="tracepoint", category=category, name=name)
    assert beyond_serving(calls) <= {PERF_EVENT_OPEN, BPF, IOCTL}
    assert calls[PERF_EVENT_OPEN] == 1


def test_a_program_on_a_tracepoint_by_its_number_is_run(loaded, system):
    process = system.process()
    with loaded.programs.hit.attach():
        process.syscall(GETPGID, 0)
    process.syscall(GETPGID, 0)
    assert loaded.globals.hits == 1


@pytest.mark.parametrize("retprobe", [False, True])
def test_a_function_is_attached_to_without_asking_for_the_number_of_kprobes(loaded, calls_of, retprobe):
    program = loaded.programs.leave if retprobe else loaded.programs.enter
    function = "__x64_sys_getpgid"
    calls = calls_of("attach", prog=program.handle, how="kprobe", function=function, retprobe=retprobe)
    assert beyond_serving(calls) <= {PERF_EVENT_OPEN, BPF, IOCTL}
    assert calls[PERF_EVENT_OPEN] == 1


def test_programs_on_a_function_and_its_return_are_run(loaded, system):
    process = system.process()
    with loaded.programs.enter.attach(), loaded.programs.leave.attach():
        process.syscall(GETPGID, 0)
    process.syscall(GETPGID, 0)
    assert (loaded.globals.entered, loaded.globals.left) == (1, 1)


def test_a_function_that_is_none_is_told_of_by_libbpf(warm, loaded):
    with pytest.raises(CallError) as caught:
        warm.call("attach", prog=loaded.programs.enter.handle, how="kprobe", function="__x64_sys_nope")
    assert caught.value.errno in {errno.ENOENT, errno.EINVAL}
    assert caught.value.details["what"] == "function __x64_sys_nope"
    assert "failed to create kprobe '__x64_sys_nope+0x0' perf event" in caught.value.details["log"]


def test_a_tracepoint_that_is_none_is_told_of_by_libbpf(warm, loaded):
    program = loaded.programs.hit
    for category, name in (("syscalls", "sys_enter_nope"), ("syscall", "sys_enter_getpgid"), ("", "")):
        with pytest.raises(CallError) as caught:
            warm.call("attach", prog=program.handle, how="tracepoint", category=category, name=name)
        assert caught.value.errno in {errno.ENOENT, errno.EINVAL}
        assert caught.value.details["what"] == f"tracepoint {category}/{name}"
        assert f"failed to determine tracepoint '{category}/{name}'" in caught.value.details["log"]


def test_a_ring_is_mapped_when_its_object_is_loaded(loaded, calls_of):
    ring = loaded.maps.ring
    assert not beyond_serving(calls_of("ring", map=ring.handle))


def test_a_large_ring_is_mapped_when_it_is_read(loaded, calls_of):
    large = loaded.maps.large
    assert beyond_serving(calls_of("ring", map=large.handle))
    assert not beyond_serving(calls_of("ring", map=large.handle))


def test_a_file_is_read_without_more_memory(calls_of):
    calls = calls_of("read_file", path="/proc/version")
    assert beyond_serving(calls) == {OPENAT}


def test_a_machine_wakes_without_opening_a_file(calls_of):
    calls = calls_of("wake", entropy=bytes(64))
    assert beyond_serving(calls) == {GETPID, IOCTL}
    assert calls[IOCTL] == 2


def test_the_kernels_log_is_at_hand(calls_of):
    assert not set(calls_of("klog", clear=True)) & {OPENAT, MMAP}


@pytest.mark.parametrize("line", ["6.12"], indirect=True)
class TestFreezing:
    """The kernel freezes no map that is mapped to be written to (map_freeze in kernel/bpf/syscall.c)."""

    def test_a_ring_that_nobody_read(self, loaded):
        ring = loaded.maps.ring
        ring.freeze()
        assert ring.info().frozen

    def test_a_ring_that_somebody_read(self, warm, loaded):
        ring = loaded.maps.ring
        warm.call("ring", map=ring.handle)
        with pytest.raises(CallError, match="EBUSY"):
            warm.call("freeze", map=ring.handle)
        assert warm.call("ring", map=ring.handle)["records"] == []


def test_the_first_process_finds_its_memory_mapped(warm, calls_of):
    assert not set(calls_of("spawn")) & {MMAP, MADVISE, SOCKETPAIR}


def test_a_process_has_its_own_memory_and_no_other_ones(warm):
    """What the agent shares with each process is a mapping of anonymous shared memory."""
    pids = [warm.call("spawn")["pid"] for _ in range(3)]
    for pid in pids:
        maps = warm.call("read_file", path=f"/proc/{pid}/maps").decode()
        assert maps.count("/dev/zero") == 1
