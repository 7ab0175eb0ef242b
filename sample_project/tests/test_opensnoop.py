"""The snoop on failed opens: a process fails to open a file, and an event tells who, what and why."""

from __future__ import annotations

import errno

import pytest
from bindings import Culprit, Opensnoop

from pytest_ebpf.bpf import LostEventsError

#: Without the last resort, and with nothing else.
WAYS = {"by_function": ["opened", "opened_since_7"], "by_system_call": ["syscall_ended"]}


@pytest.fixture(params=WAYS)
def snoop(ebpf, request) -> Opensnoop:
    snoop = ebpf.load(Opensnoop, alternatives={"watch": WAYS[request.param]})
    snoop.attach()
    return snoop


def test_tells_who_failed_to_open_what(ebpf, snoop):
    ebpf.guest.run(["cat", "/nope"], check=False)
    event = snoop.maps.failed_opens.until(lambda event: event.path == "/nope")[-1]
    assert (event.comm, event.uid, event.ret) == ("cat", 0, -errno.ENOENT)


def test_tells_why(ebpf, snoop):
    ebpf.guest.files.write("/secret", "for root only", mode=0o600)
    nginx = ebpf.guest.process("nginx", uid=33)
    with pytest.raises(PermissionError):
        nginx.open("/secret")
    event = snoop.maps.failed_opens.next()
    assert (event.comm, event.path, event.ret) == ("nginx", "/secret", -errno.EACCES)
    assert (event.uid, event.pid) == (33, nginx.pid)


def test_counts_by_command_and_error(ebpf, snoop):
    for command, times in (("nginx", 3), ("sshd", 2)):
        process = ebpf.guest.process(command)
        for _ in range(times):
            with pytest.raises(FileNotFoundError):
                process.open("/nope")
    assert snoop.maps.failures_by[Culprit(comm="nginx", ret=-errno.ENOENT)] == 3
    assert snoop.maps.failures_by[Culprit(comm="sshd", ret=-errno.ENOENT)] == 2


def test_says_nothing_of_an_open_that_works(ebpf, snoop):
    process = ebpf.guest.process()
    process.close(process.open("/proc/version"))
    assert snoop.maps.failed_opens.read() == []


def test_watches_one_process(ebpf):
    watched, other = ebpf.guest.process("watched"), ebpf.guest.process("other")
    snoop = ebpf.load(Opensnoop, globals={"only_pid": watched.pid})
    snoop.attach()
    for process in (other, watched):
        with pytest.raises(FileNotFoundError):
            process.open("/nope")
    assert [event.comm for event in snoop.maps.failed_opens.read()] == ["watched"]


def test_no_event_is_lost_in_silence(ebpf):
    snoop = ebpf.load(Opensnoop, max_entries={"failed_opens": 4096})
    snoop.attach()
    process = ebpf.guest.process()
    for _ in range(50):
        with pytest.raises(FileNotFoundError):
            process.open("/nope")
    with pytest.raises(LostEventsError, match="the ring was full"):
        snoop.maps.failed_opens.read()
    assert len(snoop.maps.failed_opens.read()) < 50
