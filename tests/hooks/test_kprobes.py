"""Programs at functions of the kernel: kprobes, one at a time and many at once."""

from __future__ import annotations

import errno
import signal

import pytest

from pytest_ebpf.bpf import LoadedObject
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.system import Process


@pytest.fixture
def process(ebpf: Ebpf) -> Process:
    return ebpf.guest.process("prey")


@pytest.fixture
def tool(ebpf: Ebpf, process: Process) -> LoadedObject:
    return ebpf.load("kprobes", globals={"watched": process.pid})


@pytest.mark.hook("kprobe")
def test_kprobe(tool: LoadedObject, process: Process) -> None:
    tool.programs.opened.attach()
    process.open("/proc/version")
    call = tool.maps.calls.next()
    assert (call.comm, call.path) == ("prey", "/proc/version")


@pytest.mark.hook("kretprobe")
def test_kretprobe(tool: LoadedObject, process: Process) -> None:
    tool.programs.opened_as.attach()
    fd = process.open("/proc/version")
    assert tool.maps.calls.next().ret == fd


@pytest.mark.hook("ksyscall")
def test_ksyscall(tool: LoadedObject, process: Process) -> None:
    tool.programs.kill_begins.attach()
    process.kill(process.pid, signal.SIGCONT)
    assert tool.maps.calls.next().argument == signal.SIGCONT


@pytest.mark.hook("kretsyscall")
def test_kretsyscall(tool: LoadedObject, process: Process) -> None:
    tool.programs.kill_ends.attach()
    with pytest.raises(ProcessLookupError):
        process.kill(99999, signal.SIGCONT)
    assert tool.maps.calls.next().ret == -errno.ESRCH


@pytest.mark.hook("kprobe.multi")
def test_kprobe_multi(tool: LoadedObject, process: Process) -> None:
    tool.programs.directories.attach()  # to the functions in the manifest
    process.mkdir("/tmp/made")
    process.rmdir("/tmp/made")
    assert tool.globals.seen == 2


@pytest.mark.hook("kretprobe.multi")
def test_kretprobe_multi(tool: LoadedObject, process: Process) -> None:
    tool.programs.made.attach()  # to all that match the pattern of its section
    with pytest.raises(FileExistsError):
        process.mkdir("/tmp")
    assert tool.maps.calls.next().ret == -errno.EEXIST


@pytest.mark.hook("kprobe.session")
def test_kprobe_session(tool: LoadedObject, process: Process) -> None:
    tool.programs.around.attach()
    with pytest.raises(FileExistsError):
        process.mkdir("/tmp")
    assert tool.globals.seen == 2  # where it begins, and where it ends


@pytest.mark.hook("kprobe.multi, else kprobe")
def test_alternatives(ebpf: Ebpf, process: Process) -> None:
    tool = ebpf.load("portable", globals={"watched": process.pid})
    tool.attach()  # the one that this kernel takes
    with pytest.raises(FileExistsError):
        process.mkdir("/tmp")
    assert tool.globals.seen == 1, tool.programs.directories.name
