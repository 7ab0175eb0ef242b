"""Two networks of the guest joined by a pair of devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.system import Process
from pytest_ebpf.system.devices import Device
from pytest_ebpf.system.namespaces import NetworkNamespace


@dataclass(frozen=True)
class Pair:
    """*here*, a process with 10.77.0.1 on the device *near*; *there*, one with 10.77.0.2 on *far*."""

    near: Device
    far: Device
    here: Process
    there: Process

    @classmethod
    def join(cls, ebpf: Ebpf, space: NetworkNamespace, near: Device, far: Device) -> Self:
        """Set up devices of which *far* is in *space*; nobody is asked for MAC addresses."""
        near.up().add_address("10.77.0.1/24").add_neighbour("10.77.0.2", far.mac)
        far.up().add_address("10.77.0.2/24").add_neighbour("10.77.0.1", near.mac)
        return cls(near, far, ebpf.guest.process(), space.process())
