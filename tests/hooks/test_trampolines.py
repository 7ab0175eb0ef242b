"""Programs that functions of the kernel, or of other programs, call directly."""

from __future__ import annotations

import os

import pytest

from pytest_ebpf import XDP
from pytest_ebpf.bpf import LoadedObject
from pytest_ebpf.errors import UnsupportedError
from pytest_ebpf.kernels import Version
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.system import Process


@pytest.fixture
def process(ebpf: Ebpf) -> Process:
    return ebpf.guest.process()


@pytest.fixture
def tool(ebpf: Ebpf, process: Process) -> LoadedObject:
    return ebpf.load("trampolines", globals={"watched": process.pid})


@pytest.mark.hook("fentry")
def test_fentry(tool: LoadedObject, process: Process) -> None:
    tool.programs.opens.attach()
    process.open("/proc/version")
    assert tool.maps.calls.next().path == "/proc/version"


@pytest.mark.hook("fexit")
def test_fexit(tool: LoadedObject, process: Process) -> None:
    tool.programs.opened.attach()
    fd = process.open("/proc/version", os.O_CLOEXEC)
    call = tool.maps.calls.next()
    assert (call.path, call.ret) == ("/proc/version", fd)
    assert call.argument & os.O_CLOEXEC


@pytest.mark.hook("fmod_ret")
def test_fmod_ret(tool: LoadedObject, process: Process) -> None:
    with tool.programs.forbid.attach(), pytest.raises(PermissionError):
        process.open("/proc/version")
    process.open("/proc/version")


@pytest.mark.hook("fmod_ret")
def test_fmod_ret_again(ebpf: Ebpf, tool: LoadedObject, process: Process) -> None:
    link = tool.programs.forbid.attach()
    link.detach()
    process.open("/proc/version")
    if ebpf.kernel.version < Version(5, 13):
        with pytest.raises(UnsupportedError, match="attaches a fmod_ret program to this place only once"):
            link.attach()
    else:
        link.attach()
        with pytest.raises(PermissionError):
            process.open("/proc/version")


@pytest.mark.hook("fentry.s")
def test_sleepable_fentry(ebpf: Ebpf, process: Process) -> None:
    tool = ebpf.load("sleepable", autoload={"opens": True}, globals={"watched": process.pid})
    tool.programs.opens.attach()
    process.open("/proc/version")
    assert tool.globals.path == "/proc/version"


@pytest.mark.hook("fsession")
def test_fsession(ebpf: Ebpf, process: Process) -> None:
    tool = ebpf.load("session", globals={"watched": process.pid})
    tool.programs.around.attach()
    process.open("/proc/version")
    assert tool.globals.seen == 2  # where the function begins, and where it ends


@pytest.mark.hook("freplace")
def test_freplace(ebpf: Ebpf) -> None:
    target = ebpf.load("filter").programs.filter
    patch = ebpf.load("patch", targets={"decide_otherwise": target}, autoload={"decide_otherwise": True})
    with patch.programs.decide_otherwise.attach():
        assert target.run(bytes(64)).verdict == XDP.DROP
    assert target.run(bytes(64)).verdict == XDP.PASS


@pytest.mark.hook("fentry of a program")
def test_fentry_of_a_program(ebpf: Ebpf) -> None:
    target = ebpf.load("filter").programs.filter
    patch = ebpf.load("patch", targets={"filter_begins": target}, autoload={"filter_begins": True})
    patch.programs.filter_begins.attach()
    target.run(bytes(64))
    assert patch.globals.seen == 1


@pytest.mark.hook("fexit of a program")
def test_fexit_of_a_program(ebpf: Ebpf) -> None:
    target = ebpf.load("filter").programs.filter
    patch = ebpf.load("patch", targets={"filter_ends": target}, autoload={"filter_ends": True})
    patch.programs.filter_ends.attach()
    target.run(bytes(64))
    assert patch.globals.result == XDP.PASS
