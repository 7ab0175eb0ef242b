"""Security policies: what a process may do is decided by programs."""

from __future__ import annotations

import os

import pytest

from pytest_ebpf.bpf import LoadedObject
from pytest_ebpf.errors import CommandError, UnsupportedError
from pytest_ebpf.kernels import Version
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.system import Process


@pytest.fixture
def user(ebpf: Ebpf) -> Process:
    """A process of the user whom the policy is for."""
    return ebpf.guest.process(uid=1000)


@pytest.fixture
def policy(ebpf: Ebpf, user: Process) -> LoadedObject:
    user.close(user.open("/tmp/secret", os.O_CREAT))
    return ebpf.load("lsm")


@pytest.mark.hook("lsm/file_open")
def test_open(ebpf: Ebpf, policy: LoadedObject, user: Process) -> None:
    policy.programs.open.attach()
    with pytest.raises(PermissionError):
        user.open("/tmp/secret")
    user.open("/proc/version")
    ebpf.guest.process(uid=1001).open("/tmp/secret")  # others may


@pytest.mark.hook("lsm/bprm_check_security")
def test_run(ebpf: Ebpf, policy: LoadedObject) -> None:
    ebpf.guest.install("true", to="/bin/secret")
    policy.programs.run.attach()
    with pytest.raises(CommandError, match="Operation not permitted"):
        ebpf.guest.run(["secret"], uid=1000)
    ebpf.guest.run(["secret"], uid=1001)


@pytest.mark.hook("lsm/inode_unlink")
def test_unlink(policy: LoadedObject, user: Process) -> None:
    with policy.programs.unlink.attach(), pytest.raises(PermissionError):
        user.unlink("/tmp/secret")


@pytest.mark.hook("lsm/inode_unlink")
def test_unlink_again(ebpf: Ebpf, policy: LoadedObject, user: Process) -> None:
    link = policy.programs.unlink.attach()
    link.detach()
    if ebpf.kernel.version < Version(5, 13):
        with pytest.raises(UnsupportedError, match="attaches a lsm program to this place only once"):
            link.attach()
    else:
        link.attach()
        with pytest.raises(PermissionError):
            user.unlink("/tmp/secret")
        link.detach()
    user.unlink("/tmp/secret")


@pytest.mark.hook("lsm/task_kill")
def test_kill(ebpf: Ebpf, policy: LoadedObject, user: Process) -> None:
    other = ebpf.guest.process(uid=1000)
    policy.programs.kill.attach()
    user.kill(user.pid, 0)
    with pytest.raises(PermissionError):
        user.kill(other.pid, 0)


@pytest.mark.hook("lsm/socket_connect")
def test_connect(policy: LoadedObject, user: Process) -> None:
    policy.programs.connect.attach()
    with pytest.raises(PermissionError):
        user.udp().connect(("127.0.0.1", 53))


@pytest.mark.hook("lsm_cgroup")
def test_cgroup(ebpf: Ebpf) -> None:
    group = ebpf.guest.cgroup("clients")
    ebpf.load("lsm_cgroup").programs.no_servers.attach(cgroup=group)
    with pytest.raises(PermissionError):
        ebpf.guest.process(cgroup=group).udp(("127.0.0.1", 53))
    ebpf.guest.process().udp(("127.0.0.1", 53))  # others may
