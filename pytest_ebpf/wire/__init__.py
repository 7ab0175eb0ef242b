"""Raw frames between a test and a network card of the guest."""

from pytest_ebpf.packets.pcap import Frame
from pytest_ebpf.wire.capture import Capture
from pytest_ebpf.wire.frames import End
from pytest_ebpf.wire.wire import Wire
from pytest_ebpf.wire.wires import Wires, wires_of

__all__ = ["Capture", "End", "Frame", "Wire", "Wires", "wires_of"]
