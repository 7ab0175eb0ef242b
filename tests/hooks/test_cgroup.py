"""Policies for the processes of one cgroup: what they send, make, bind, connect to, set and open."""

from __future__ import annotations

import os
import socket
from typing import Any, Final

import pytest

from pytest_ebpf.bpf import LoadedObject
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.system import Process
from pytest_ebpf.system.cgroups import Cgroup
from pytest_ebpf.system.sockets import Socket

#: By version of IP: the family, the service as its clients know it, and where it is in truth.
SERVICE: Final[dict[int, tuple[int, tuple[Any, ...], tuple[Any, ...]]]] = {
    4: (socket.AF_INET, ("10.0.0.1", 80), ("127.0.0.1", 8080)),
    6: (socket.AF_INET6, ("fd00::1", 80, 0, 0), ("::1", 8080, 0, 0)),
}


def both(hook: str) -> pytest.MarkDecorator:
    """The test is of this hook for IPv4, and of that for IPv6."""
    versions = [pytest.param(ip, marks=pytest.mark.hook(f"{hook}{ip}")) for ip in (4, 6)]
    return pytest.mark.parametrize("ip", versions)


@pytest.fixture
def group(ebpf: Ebpf) -> Cgroup:
    return ebpf.guest.cgroup("limited")


@pytest.fixture
def inside(ebpf: Ebpf, group: Cgroup) -> Process:
    """A process in the group."""
    return ebpf.guest.process(cgroup=group)


@pytest.fixture
def policy(ebpf: Ebpf) -> LoadedObject:
    return ebpf.load("cgroup")


@pytest.mark.hook("cgroup_skb/ingress")
def test_ingress(policy: LoadedObject, group: Cgroup, inside: Process, ebpf: Ebpf) -> None:
    server, client = inside.udp(("127.0.0.1", 53)), ebpf.guest.process().udp()
    with policy.programs.hear_nothing.attach(cgroup=group):
        client.sendto(b"not heard", ("127.0.0.1", 53))
    client.sendto(b"heard", ("127.0.0.1", 53))
    assert server.recv() == b"heard"


@pytest.mark.hook("cgroup_skb/egress")
def test_egress(policy: LoadedObject, group: Cgroup, inside: Process) -> None:
    policy.programs.say_nothing.attach(cgroup=group)
    with pytest.raises(PermissionError):
        inside.udp().sendto(b"not said", ("127.0.0.1", 53))


@pytest.mark.hook("cgroup/sock_create")
def test_sock_create(policy: LoadedObject, group: Cgroup, inside: Process) -> None:
    policy.programs.no_raw_sockets.attach(cgroup=group)
    inside.socket(socket.AF_INET, socket.SOCK_STREAM)
    with pytest.raises(PermissionError):
        inside.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@pytest.mark.hook("cgroup/sock_release")
def test_sock_release(policy: LoadedObject, group: Cgroup, inside: Process) -> None:
    policy.programs.closed.attach(cgroup=group)
    made = inside.udp()
    assert policy.globals.seen == 0
    made.close()
    assert policy.globals.seen == 1


@both("cgroup/post_bind")
def test_post_bind(policy: LoadedObject, group: Cgroup, inside: Process, ip: int) -> None:
    family, _, (host, port, *_) = SERVICE[ip]
    policy.programs[f"not_that_port{ip}"].attach(cgroup=group)
    inside.udp((host, port + 1), family)
    with pytest.raises(PermissionError):
        inside.udp((host, port), family)


@both("cgroup/bind")
def test_bind(policy: LoadedObject, group: Cgroup, inside: Process, ip: int) -> None:
    family, _, there = SERVICE[ip]
    policy.programs[f"bind{ip}"].attach(cgroup=group)
    assert inside.udp((there[0], 80), family).getsockname() == there


@both("cgroup/connect")
def test_connect(policy: LoadedObject, group: Cgroup, inside: Process, ebpf: Ebpf, ip: int) -> None:
    family, asked, there = SERVICE[ip]
    server = ebpf.guest.process().listen(there, family)
    policy.programs[f"connect{ip}"].attach(cgroup=group)
    client = inside.socket(family)
    client.connect(asked)
    assert server.accept()[1] == client.getsockname()


@both("cgroup/sendmsg")
def test_sendmsg(policy: LoadedObject, group: Cgroup, inside: Process, ebpf: Ebpf, ip: int) -> None:
    family, asked, there = SERVICE[ip]
    server = ebpf.guest.process().udp(there, family)
    policy.programs[f"sendmsg{ip}"].attach(cgroup=group)
    inside.udp(family=family).sendto(b"question", asked)
    assert server.recv() == b"question"


@both("cgroup/recvmsg")
def test_recvmsg(policy: LoadedObject, group: Cgroup, inside: Process, ebpf: Ebpf, ip: int) -> None:
    family, asked, there = SERVICE[ip]
    client = inside.udp((there[0], 0), family)
    policy.programs[f"recvmsg{ip}"].attach(cgroup=group)
    ebpf.guest.process().udp(there, family).sendto(b"answer", client.getsockname())
    assert client.recvfrom() == (b"answer", asked)


@both("cgroup/getpeername")
def test_getpeername(policy: LoadedObject, group: Cgroup, inside: Process, ip: int) -> None:
    family, asked, there = SERVICE[ip]
    client = inside.udp(family=family)
    client.connect(there)
    policy.programs[f"getpeername{ip}"].attach(cgroup=group)
    assert client.getpeername() == asked


@both("cgroup/getsockname")
def test_getsockname(policy: LoadedObject, group: Cgroup, inside: Process, ip: int) -> None:
    family, asked, there = SERVICE[ip]
    policy.programs[f"getsockname{ip}"].attach(cgroup=group)
    assert inside.udp(there, family).getsockname() == asked


@pytest.mark.hook("cgroup/setsockopt")
def test_setsockopt(policy: LoadedObject, group: Cgroup, inside: Process) -> None:
    made = inside.socket()
    policy.programs.never_marked.attach(cgroup=group)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    with pytest.raises(PermissionError):
        made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 7)


@pytest.mark.hook("cgroup/getsockopt")
def test_getsockopt(policy: LoadedObject, group: Cgroup, inside: Process) -> None:
    made = inside.socket()
    policy.programs.all_marked.attach(cgroup=group)
    assert made.getsockopt(socket.SOL_SOCKET, socket.SO_MARK) == 42


@pytest.mark.hook("cgroup/sysctl")
def test_sysctl(policy: LoadedObject, group: Cgroup, inside: Process) -> None:
    policy.programs.settings_are_read_only.attach(cgroup=group)
    fd = inside.open("/proc/sys/kernel/hostname", os.O_RDWR)
    assert inside.read(fd)
    with pytest.raises(PermissionError):
        inside.write(fd, b"renamed")


@pytest.mark.hook("cgroup/dev")
def test_device(policy: LoadedObject, group: Cgroup, inside: Process) -> None:
    policy.programs.no_memory_devices.attach(cgroup=group)
    with pytest.raises(PermissionError):
        inside.open("/dev/null")


@pytest.mark.hook("sockops")
def test_sockops(policy: LoadedObject, group: Cgroup, inside: Process) -> None:
    policy.programs.in_a_hurry.attach(cgroup=group)
    client, _ = inside.tcp_pair()
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY) == 6


@pytest.fixture
def names(ebpf: Ebpf) -> LoadedObject:
    """Policies for abstract names of sockets: who asks for one gets another."""
    return ebpf.load("cgroup_unix")


@pytest.mark.hook("cgroup/connect_unix")
def test_connect_unix(names: LoadedObject, group: Cgroup, inside: Process) -> None:
    listener = inside.socket(socket.AF_UNIX)
    listener.bind("\0given")
    listener.listen()
    names.programs.connect_unix.attach(cgroup=group)
    client = inside.socket(socket.AF_UNIX)
    client.connect("\0asked")
    assert client.getpeername() == b"\0given"


def datagrams(process: Process, name: str) -> Socket:
    """A socket of *process*, which others know by *name*."""
    made = process.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(f"\0{name}")
    return made


@pytest.mark.hook("cgroup/sendmsg_unix")
def test_sendmsg_unix(names: LoadedObject, group: Cgroup, inside: Process) -> None:
    server, client = datagrams(inside, "given"), datagrams(inside, "client")
    names.programs.sendmsg_unix.attach(cgroup=group)
    client.sendto(b"question", "\0asked")
    assert server.recv() == b"question"


@pytest.mark.hook("cgroup/recvmsg_unix")
def test_recvmsg_unix(names: LoadedObject, group: Cgroup, inside: Process) -> None:
    server, client = datagrams(inside, "given"), datagrams(inside, "client")
    names.programs.recvmsg_unix.attach(cgroup=group)
    server.sendto(b"answer", "\0client")
    assert client.recvfrom() == (b"answer", b"\0asked")


@pytest.mark.hook("cgroup/getpeername_unix")
def test_getpeername_unix(names: LoadedObject, group: Cgroup, inside: Process) -> None:
    server, client = datagrams(inside, "given"), datagrams(inside, "client")
    client.connect(server.getsockname())
    names.programs.getpeername_unix.attach(cgroup=group)
    assert client.getpeername() == b"\0asked"


@pytest.mark.hook("cgroup/getsockname_unix")
def test_getsockname_unix(names: LoadedObject, group: Cgroup, inside: Process) -> None:
    server = datagrams(inside, "given")
    names.programs.getsockname_unix.attach(cgroup=group)
    assert server.getsockname() == b"\0asked"
