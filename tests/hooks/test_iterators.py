"""Iterators: programs that go over tasks, maps, sockets, and what else the kernel has."""

from __future__ import annotations

import socket

import pytest

from pytest_ebpf.bpf import LoadedObject
from pytest_ebpf.session.ebpf import Ebpf

ESTABLISHED, LISTENING = 1, 10  # include/net/tcp_states.h


@pytest.fixture
def tool(ebpf: Ebpf) -> LoadedObject:
    return ebpf.load("iterators")


@pytest.mark.hook("iter/task")
def test_tasks(ebpf: Ebpf, tool: LoadedObject) -> None:
    process = ebpf.guest.process("nginx")
    tasks = {task.pid: task for task in tool.programs.tasks.attach().records()}
    assert (tasks[process.pid].comm, tasks[process.pid].parent) == ("nginx", 1)


@pytest.mark.hook("iter/bpf_map")
def test_maps(tool: LoadedObject) -> None:
    assert "squares 8" in tool.programs.maps.attach().text().splitlines()


@pytest.mark.hook("iter/bpf_map_elem")
def test_elements(tool: LoadedObject) -> None:
    link = tool.programs.elements.attach()
    assert sorted(link.text().splitlines()) == ["2: 4", "3: 9"]
    tool.maps.squares[4] = 16  # each reading goes over what there is then
    assert sorted(link.text().splitlines()) == ["2: 4", "3: 9", "4: 16"]


@pytest.mark.hook("iter/bpf_prog")
def test_programs(tool: LoadedObject) -> None:
    program = tool.programs.programs
    assert f"{program.id} programs" in program.attach().text().splitlines()


@pytest.mark.hook("iter/tcp")
def test_tcp(ebpf: Ebpf, tool: LoadedObject) -> None:
    ebpf.guest.process().listen(("127.0.0.1", 8080))
    (server,) = tool.programs.tcp.attach().records()
    assert (server.address, server.port, server.state) == ("127.0.0.1", 8080, LISTENING)


@pytest.mark.hook("iter/udp")
def test_udp(ebpf: Ebpf, tool: LoadedObject) -> None:
    ebpf.guest.process().udp(("127.0.0.1", 53))
    (server,) = tool.programs.udp.attach().records()
    assert (server.address, server.port) == ("127.0.0.1", 53)


@pytest.mark.hook("iter/netlink")
def test_netlink(ebpf: Ebpf, tool: LoadedObject) -> None:
    process = ebpf.guest.process()
    process.socket(socket.AF_NETLINK, socket.SOCK_RAW).bind((process.pid, 0))
    assert str(process.pid) in tool.programs.netlink.attach().text().split()


@pytest.mark.hook("iter/task_vma")
def test_memory(ebpf: Ebpf) -> None:
    process = ebpf.guest.process()
    tool = ebpf.load("iter_memory", globals={"watched": process.pid})
    areas = tool.programs.areas.attach().records()
    told = ebpf.guest.files.text(f"/proc/{process.pid}/maps")
    assert [f"{area.start:08x}-{area.end:08x}" for area in areas] == [
        line.split()[0] for line in told.splitlines()
    ]


@pytest.mark.hook("iter/bpf_link")
def test_links(ebpf: Ebpf) -> None:
    link = ebpf.load("iter_links").programs.links.attach()
    info = link.info()
    assert info is not None
    assert str(info.id) in link.text().split()


@pytest.mark.hook("iter/cgroup")
def test_cgroups(ebpf: Ebpf) -> None:
    group = ebpf.guest.cgroup("outer")
    inner = group.group("inner")
    link = ebpf.load("iter_cgroups").programs.cgroups.attach(cgroup=group)
    assert link.text().split() == [str(group.id), str(inner.id)]
