"""Two networks of a guest joined by a pair of devices, with processes in both."""

from __future__ import annotations

from typing import Any

from pytest_ebpf.guest import Guest
from pytest_ebpf.system import cgroups
from pytest_ebpf.system.cgroups import Cgroup
from pytest_ebpf.system.devices import Device, Devices
from pytest_ebpf.system.namespaces import NetworkNamespace
from pytest_ebpf.system.network import Rtnetlink
from pytest_ebpf.system.processes import Process
from pytest_ebpf.system.sockets import Socket

#: The port that the programs of nethooks.bpf.c look at.
PORT = 7777

HERE, THERE = "10.77.0.1", "10.77.0.2"


class Root(Devices):
    """The guest's first network namespace, and what else is made there."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._processes: list[Process] = []
        self._others: list[Any] = []
        self._rtnetlink = Rtnetlink(self.process("root"))

    @property
    def rtnetlink(self) -> Rtnetlink:
        return self._rtnetlink

    def process(self, name: str | None = None, **identity: Any) -> Process:
        made = Process(self.guest, name or "test", identity)
        self._processes.append(made)
        return made

    def namespace(self, name: str) -> NetworkNamespace:
        made = NetworkNamespace(name, self.process)
        self._others.append(made)
        return made

    def cgroup(self, name: str) -> Cgroup:
        made = cgroups.make(self.guest, self._rtnetlink.process, name)
        self._others.append(made)
        return made

    def close(self) -> None:
        self.close_devices()
        for each in reversed(self._others):
            each.close()
        for each in self._processes:
            each.end()


class Lab:
    """``near0`` in the first network, ``far0`` in another: *here* and *there* are processes in them."""

    def __init__(self, root: Root, *, mtu: int = 1500) -> None:
        self.root = root
        self.space = root.namespace("far")
        self.near, self.far = root.veth("near0", "far0", netns=self.space, mtu=mtu)
        self.join(self.near, self.far)

    def join(self, near: Device, far: Device) -> None:
        """Give both ends their addresses; nobody is asked for MAC addresses."""
        near.up().add_address(f"{HERE}/24")
        far.up().add_address(f"{THERE}/24")
        near.add_neighbour(THERE, far.mac)
        far.add_neighbour(HERE, near.mac)
        self.here = self.root.process("here")
        self.there = self.space.process("there")
        self.server = self.there.udp((THERE, PORT))
        self.client = self.here.udp()

    def ping(self, size: int = 5) -> int:
        """Send a datagram from here to there, and return how much of it has come."""
        self.client.sendto(bytes(size), (THERE, PORT))
        return len(self.server.recv())

    def stream(self) -> tuple[Socket, Socket]:
        """A TCP connection: the end here, the end there."""
        listener = self.there.listen((THERE, PORT))
        here = self.here.socket()
        here.connect((THERE, PORT))
        there, _ = listener.accept()
        listener.close()
        return here, there
