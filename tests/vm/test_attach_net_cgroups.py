"""Programs on cgroups: tests/vm/data/nethooks.bpf.c, each seen by what a process in the group does."""

from __future__ import annotations

import socket

import pytest
from lab import PORT, THERE, Lab
from proof import prove

from pytest_ebpf.errors import AttachError, UnsupportedError, UsageError
from pytest_ebpf.uapi import LinkType


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


@pytest.fixture
def hooked(load_object):
    """``hooked(program)`` loads one program of the object."""
    return lambda program: load_object("nethooks", autoload={program: True})


class Inside(Lab):
    """A lab with a process in a cgroup: *inside* is here, *far_inside* is there."""

    def __init__(self, system):
        super().__init__(system)
        self.group = system.cgroup("tested")
        self.inside = system.process("inside", cgroup=self.group)

    def udp(self):
        return self.inside.udp()

    def makes(self):
        self.udp().close()

    def sends(self):
        with self.udp() as sock:
            sock.sendto(b"hello", (THERE, PORT))
        assert self.server.recv() == b"hello"

    def receives(self):
        with self.inside.udp(("127.0.0.1", PORT)) as sock:
            sock.sendto(b"hello", ("127.0.0.1", PORT))
            assert sock.recvfrom()[0] == b"hello"

    def binds(self):
        self.inside.udp(("127.0.0.1", PORT)).close()

    def connects(self):
        with self.udp() as sock:
            sock.connect((THERE, PORT))

    def streams(self):
        listener = self.there.listen((THERE, PORT))
        with self.inside.socket() as sock:
            sock.connect((THERE, PORT))
        listener.close()

    def asks_for_names(self):
        with self.udp() as sock:
            sock.connect((THERE, PORT))
            assert sock.getpeername() == (THERE, PORT)

    def asks_for_its_name(self):
        with self.inside.udp(("127.0.0.1", PORT)) as sock:
            assert sock.getsockname() == ("127.0.0.1", PORT)

    def gets(self):
        with self.udp() as sock:
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def sets(self):
        with self.udp() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def reads_a_sysctl(self):
        fd = self.inside.open("/proc/sys/kernel/ostype")
        assert self.inside.read(fd) == b"Linux\n"
        self.inside.close(fd)

    def opens_a_device(self):
        self.inside.close(self.inside.open("/dev/null"))


@pytest.fixture
def inside(system):
    return Inside(system)


HOOKS = [
    ("on_cgroup_egress", Inside.sends, 5),
    ("on_cgroup_ingress", Inside.receives, 5),
    ("on_sock_create", Inside.makes, socket.SOCK_DGRAM),
    ("on_sock_release", Inside.makes, socket.SOCK_DGRAM),
    ("on_post_bind", Inside.binds, PORT),
    ("on_bind", Inside.binds, PORT),
    ("on_connect", Inside.connects, PORT),
    ("on_sendmsg", Inside.sends, PORT),
    ("on_recvmsg", Inside.receives, socket.AF_INET),
    ("on_getpeername", Inside.asks_for_names, PORT),
    ("on_getsockname", Inside.asks_for_its_name, PORT),
    ("on_getsockopt", Inside.gets, socket.SO_RCVBUF),
    ("on_setsockopt", Inside.sets, socket.SO_RCVBUF),
    ("on_sysctl", Inside.reads_a_sysctl, 0),
    ("on_device", Inside.opens_a_device, 0x103),
    ("on_sockops", Inside.streams, PORT),
]


@pytest.mark.parametrize(("program", "trigger", "value"), HOOKS, ids=[program for program, *_ in HOOKS])
def test_each_hook(hooked, inside, program, trigger, value):
    tool = hooked(program)
    attach = tool.programs[program].attach
    prove(lambda: attach(cgroup=inside.group), lambda: trigger(inside), lambda: tool.globals.calls)
    assert tool.globals.value == value


@lines("6.1", "6.12", "6.18", "7.2")
def test_lsm(hooked, inside):
    tool = hooked("on_lsm_cgroup")
    attach = tool.programs.on_lsm_cgroup.attach
    prove(lambda: attach(cgroup=inside.group), inside.makes, lambda: tool.globals.calls)
    assert tool.globals.value == socket.SOCK_DGRAM


@lines("5.10")
def test_a_kernel_without_lsm_on_cgroups(hooked):
    with pytest.raises(UnsupportedError):
        hooked("on_lsm_cgroup")


def test_others_are_not_seen(hooked, inside):
    tool = hooked("on_connect")
    with tool.programs.on_connect.attach(cgroup=inside.group):
        inside.client.connect((THERE, PORT))
    assert tool.globals.calls == 0


def test_a_group_within_is_seen_too(hooked, inside):
    tool = hooked("on_connect")
    child = inside.group.group("child").add(inside.here)
    assert child.pids == (inside.here.pid,)
    with tool.programs.on_connect.attach(cgroup=inside.group.path) as link:
        inside.client.connect((THERE, PORT))  # a socket stays where it was made
        assert tool.globals.calls == 0
        inside.here.udp().connect((THERE, PORT))
        assert link.info().type is LinkType.CGROUP
    assert tool.globals.calls == 1


def test_one_that_denies(hooked, inside):
    inside.connects()
    with hooked("denies").programs.denies.attach(cgroup=inside.group), pytest.raises(PermissionError):
        inside.connects()
    inside.connects()


def test_one_that_redirects(hooked, inside):
    listener = inside.there.listen((THERE, PORT))
    sock = inside.inside.socket()
    with pytest.raises(ConnectionRefusedError):
        sock.connect((THERE, PORT + 1))
    with hooked("redirects").programs.redirects.attach(cgroup=inside.group):
        sock = inside.inside.socket()
        sock.connect((THERE, PORT + 1))
    accepted, _ = listener.accept()
    accepted.send(b"welcome")
    assert sock.recv() == b"welcome"


def test_a_section_that_leaves_the_point_open(hooked, inside):
    tool = hooked("on_cgroup_skb")
    attach = tool.programs.on_cgroup_skb.attach
    with pytest.raises(UsageError) as caught:
        attach(cgroup=inside.group)
    assert str(caught.value).startswith("programs.on_cgroup_skb: attach: a cgroup/skb program needs point; ")
    prove(lambda: attach(cgroup=inside.group, point="egress"), inside.sends, lambda: tool.globals.calls)


def test_flags_of_the_time_before_links(hooked, inside):
    allow_multi = 2  # BPF_F_ALLOW_MULTI
    tools = [hooked("on_connect") for _ in range(2)]
    links = [tool.programs.on_connect.attach(cgroup=inside.group, flags=allow_multi) for tool in tools]
    inside.connects()
    assert [tool.globals.calls for tool in tools] == [1, 1]
    assert links[0].info() is None
    links[0].detach()
    inside.connects()
    assert [tool.globals.calls for tool in tools] == [1, 2]


def test_a_group_that_goes_takes_the_link_with_it(hooked, system):
    group = system.cgroup("short")
    link = hooked("on_connect").programs.on_connect.attach(cgroup=group)
    group.close()
    link.detach()


def test_mistakes(hooked):
    attach = hooked("on_connect").programs.on_connect.attach
    with pytest.raises(AttachError) as caught:
        attach(cgroup="/sys/fs/cgroup/nowhere")
    assert str(caught.value) == (
        'programs.on_connect: no cgroup "/sys/fs/cgroup/nowhere"; make it with ebpf.guest.cgroup()'
    )
    with pytest.raises(AttachError) as caught:
        attach(cgroup="/proc")
    assert str(caught.value) == (
        'programs.on_connect: "/proc" is no cgroup of version 2; make one with ebpf.guest.cgroup()'
    )
