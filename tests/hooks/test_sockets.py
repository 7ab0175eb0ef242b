"""Programs on sockets, and on maps of sockets: what they take, who gets it, where it goes."""

from __future__ import annotations

import socket

import pytest

from pytest_ebpf.bpf import LoadedObject
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.system import Process
from pytest_ebpf.system.sockets import Socket


@pytest.fixture
def process(ebpf: Ebpf) -> Process:
    return ebpf.guest.process()


@pytest.fixture
def sockets(ebpf: Ebpf) -> LoadedObject:
    return ebpf.load("sockets")


def sharing(process: Process, kind: int, port: int) -> Socket:
    """A socket that shares its port with others."""
    made = process.socket(socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    return made


@pytest.mark.hook("socket")
def test_filter(sockets: LoadedObject, process: Process) -> None:
    server, client = process.udp(("127.0.0.1", 53)), process.udp()
    sockets.programs.first_byte.attach(socket=server)
    client.sendto(b"hello", ("127.0.0.1", 53))
    assert server.recv() == b"h"


@pytest.mark.hook("sk_reuseport")
def test_reuseport(sockets: LoadedObject, process: Process) -> None:
    servers = [sharing(process, socket.SOCK_DGRAM, 53) for _ in range(2)]
    sockets.maps.group.update(enumerate(servers))
    sockets.programs.by_first_byte.attach(socket=servers[0])  # for all that share its port
    client = process.udp()
    for message in (b"0", b"1", b"0", b"1"):
        client.sendto(message, ("127.0.0.1", 53))
    assert [[server.recv(), server.recv()] for server in servers] == [[b"0"] * 2, [b"1"] * 2]


@pytest.mark.hook("sk_reuseport/migrate")
def test_migrate(ebpf: Ebpf, process: Process) -> None:
    first, second = [sharing(process, socket.SOCK_STREAM, 80) for _ in range(2)]
    for each in (first, second):
        each.listen()
    migration = ebpf.load("migration")
    migration.maps.group.update({0: first, 1: second})
    migration.programs.move_over.attach(socket=first)
    client = process.socket()
    client.connect(("127.0.0.1", 80))
    first.close()  # before it has accepted the connection
    assert (second.accept()[1], migration.globals.seen) == (client.getsockname(), 1)


@pytest.mark.hook("sk_msg")
def test_sk_msg(sockets: LoadedObject, process: Process) -> None:
    sockets.programs.no_secrets.attach()
    client, server = process.tcp_pair()
    sockets.maps.ends[0] = client
    client.send(b"open")
    assert server.recv() == b"open"
    with pytest.raises(PermissionError):
        client.send(b"# secret")
    with pytest.raises(PermissionError):  # the verdict stays
        client.send(b"open")


@pytest.mark.hook("sk_skb/stream_parser")
def test_stream_parser(sockets: LoadedObject, process: Process) -> None:
    sockets.programs.message.attach()
    sockets.programs.count_messages.attach()  # a parser goes with a verdict, which is of whole messages
    client, server = process.tcp_pair()
    sockets.maps.ends[0] = server
    client.send(b"5hel")
    client.send(b"lo")
    assert (server.recv(), sockets.globals.seen) == (b"5hello", 1)


@pytest.mark.hook("sk_skb/stream_verdict")
def test_stream_verdict(sockets: LoadedObject, process: Process) -> None:
    sockets.programs.proxy.attach()
    (client, front), (back, server) = process.tcp_pair(), process.tcp_pair()
    sockets.maps.ends.update({0: front, 1: back})
    client.send(b"request")
    assert server.recv() == b"request"  # user space has not read it in between


@pytest.mark.hook("sk_skb/verdict")
def test_verdict(ebpf: Ebpf, process: Process) -> None:
    forwarder = ebpf.load("forwarder")
    forwarder.programs.forward.attach()
    client, front, back = process.udp(), process.udp(("127.0.0.1", 53)), process.udp()
    back.connect(("127.0.0.1", 53))  # only a connected socket is sent to
    forwarder.maps.ends.update({0: front, 1: back})
    client.sendto(b"question", ("127.0.0.1", 53))
    assert back.recv() == b"question"
