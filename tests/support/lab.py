"""Two networks of a guest joined by a pair of devices, with processes in both."""

from __future__ import annotations

from pytest_ebpf.system import System
from pytest_ebpf.system.devices import Device
from pytest_ebpf.system.sockets import Socket

#: The port that the programs of nethooks.bpf.c look at.
PORT = 7777

HERE, THERE = "10.77.0.1", "10.77.0.2"


class Lab:
    """``near0`` in the first network, ``far0`` in another: *here* and *there* are processes in them."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.space = system.namespace("far")
        self.near, self.far = system.veth("near0", "far0", netns=self.space)
        self.join(self.near, self.far)

    def join(self, near: Device, far: Device) -> None:
        """Give both ends their addresses; nobody is asked for MAC addresses."""
        near.up().add_address(f"{HERE}/24")
        far.up().add_address(f"{THERE}/24")
        near.add_neighbour(THERE, far.mac)
        far.add_neighbour(HERE, near.mac)
        self.here = self.system.process("here")
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
