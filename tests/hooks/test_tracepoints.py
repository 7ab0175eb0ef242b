"""Programs at tracepoints: a process that sends a signal."""

from __future__ import annotations

import errno
import signal

import pytest

from pytest_ebpf.bpf import LoadedObject
from pytest_ebpf.errors import GuestError
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.system import Process


@pytest.fixture
def process(ebpf: Ebpf) -> Process:
    return ebpf.guest.process()


@pytest.fixture
def tool(ebpf: Ebpf, process: Process) -> LoadedObject:
    return ebpf.load("tracepoints", globals={"watched": process.pid})


@pytest.mark.hook("tracepoint")
def test_tracepoint(tool: LoadedObject, process: Process) -> None:
    tool.programs.kill_begins.attach()
    process.kill(process.pid, signal.SIGCONT)
    assert tool.maps.calls.next().argument == signal.SIGCONT


@pytest.mark.hook("tracepoint, named in the manifest")
def test_tracepoint_of_the_manifest(tool: LoadedObject, process: Process) -> None:
    tool.programs.kill_ends.attach()
    with pytest.raises(ProcessLookupError):
        process.kill(99999, signal.SIGCONT)
    assert tool.maps.calls.next().ret == -errno.ESRCH


@pytest.mark.hook("raw_tracepoint")
def test_raw_tracepoint(tool: LoadedObject, process: Process) -> None:
    tool.programs.signal_raw.attach()
    process.kill(process.pid, signal.SIGCONT)
    assert tool.maps.calls.next().argument == signal.SIGCONT


@pytest.mark.hook("raw_tracepoint, writable")
def test_writable_raw_tracepoint(tool: LoadedObject) -> None:
    tool.programs.runs.run(bytes(64))
    with tool.programs.fail_runs.attach(), pytest.raises(GuestError) as caught:
        tool.programs.runs.run(bytes(64))
    assert caught.value.errno == errno.EDOM


@pytest.mark.hook("tp_btf")
def test_tp_btf(tool: LoadedObject, process: Process) -> None:
    tool.programs.signal_typed.attach()
    process.kill(process.pid, signal.SIGCONT)
    call = tool.maps.calls.next()
    assert (call.argument, call.ret) == (signal.SIGCONT, process.pid)
