"""Raw frames between a test and a network card of the guest."""

from pytest_ebpf.packets.pcap import Frame
from pytest_ebpf.wire.capture import Capture
from pytest_ebpf.wire.wire import End, Wire, first_of, wires_of

__all__ = ["Capture", "End", "Frame", "Wire", "first_of", "wires_of"]
