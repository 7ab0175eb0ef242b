"""XDP: programs in front of a device's receive path."""

from __future__ import annotations

import pytest
from scapy.layers.l2 import Ether

from pytest_ebpf.session.ebpf import Ebpf

FRAME = Ether(src="02:00:00:00:00:99", dst="ff:ff:ff:ff:ff:ff", type=0x88B5) / b"frame"


@pytest.mark.hook("xdp, native")
def test_native(ebpf: Ebpf) -> None:
    program = ebpf.load("xdp").programs.reflect
    with program.attach(interface=ebpf.wire.interface, mode="native") as link:
        assert link.mode == "native"
        assert ebpf.wire.sr1(FRAME, timeout=1) is not None


@pytest.mark.hook("xdp, generic")
def test_generic(ebpf: Ebpf) -> None:
    xdp = ebpf.load("xdp")
    with xdp.programs.count_xdp.attach(interface="lo", mode="generic") as link:
        assert link.mode == "generic"
