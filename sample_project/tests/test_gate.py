"""The gate in netfilter, on the kernels that have it; elsewhere its cell says that they do not."""

from __future__ import annotations

import pytest
from bindings import Gate
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from pytest_ebpf import NF


def packet(length: int) -> Ether:
    """Return a packet that the gate sees as *length* bytes: under TEST_RUN the Ethernet header counts."""
    return Ether() / IP(src="192.0.2.1") / UDP() / Raw(b"x" * (length - 42))


def test_lets_in_what_is_not_too_long(ebpf):
    gate = ebpf.load(Gate)
    assert gate.programs.inspect.run(packet(1500)).verdict == NF.ACCEPT
    assert gate.programs.inspect.run(packet(1501)).verdict == NF.DROP


@pytest.mark.ebpf_kernel(">=6.4", reason="netfilter programs came with 6.4")
def test_the_longest_can_be_set(ebpf):
    gate = ebpf.load(Gate, globals={"longest": 100})
    assert gate.programs.inspect.run(packet(101)).verdict == NF.DROP
