"""Programs on cgroups as such: tests/vm/data/nethooks.bpf.c. What each kind can do is in tests/hooks."""

from __future__ import annotations

import pytest
from lab import PORT, THERE, Lab
from proof import prove

from pytest_ebpf.errors import AttachError, UsageError
from pytest_ebpf.uapi import LinkType


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


@pytest.fixture
def hooked(load_object):
    """``hooked(program)`` loads one program of the object."""
    return lambda program: load_object("nethooks", autoload={program: True})


class Inside(Lab):
    """A lab with a process in a cgroup: *inside*, which is here."""

    def __init__(self, system):
        super().__init__(system)
        self.group = system.cgroup("tested")
        self.inside = system.process("inside", cgroup=self.group)

    def sends(self):
        with self.inside.udp() as sock:
            sock.sendto(b"hello", (THERE, PORT))
        assert self.server.recv() == b"hello"

    def connects(self):
        with self.inside.udp() as sock:
            sock.connect((THERE, PORT))


@pytest.fixture
def inside(system):
    return Inside(system)


@lines("5.10", "7.2")
def test_a_link(hooked, inside):
    tool = hooked("on_connect")
    attach = tool.programs.on_connect.attach
    prove(lambda: attach(cgroup=inside.group), inside.connects, lambda: tool.globals.calls)
    assert tool.globals.value == PORT


@lines("7.2")
def test_others_are_not_seen(hooked, inside):
    tool = hooked("on_connect")
    with tool.programs.on_connect.attach(cgroup=inside.group):
        inside.client.connect((THERE, PORT))
    assert tool.globals.calls == 0


@lines("5.10", "7.2")
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


@lines("5.10", "7.2")
def test_a_section_that_leaves_the_point_open(hooked, inside):
    tool = hooked("on_cgroup_skb")
    attach = tool.programs.on_cgroup_skb.attach
    with pytest.raises(UsageError) as caught:
        attach(cgroup=inside.group)
    assert str(caught.value).startswith("programs.on_cgroup_skb: attach: a cgroup/skb program needs point; ")
    prove(lambda: attach(cgroup=inside.group, point="egress"), inside.sends, lambda: tool.globals.calls)


@lines("5.10", "7.2")
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
