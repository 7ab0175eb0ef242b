"""Packets as tests write them, to bytes and back. The only user of scapy.

Nothing here imports scapy until a packet has to be dissected: bytes pass through untouched, and a scapy
packet given by a test has brought scapy with it.
"""

from pytest_ebpf.packets.convert import (
    all_to_bytes,
    first_layer,
    from_bytes,
    network_from_bytes,
    stay_off_the_network,
    to_bytes,
    to_frame,
)
from pytest_ebpf.packets.diff import differences

__all__ = [
    "all_to_bytes",
    "differences",
    "first_layer",
    "from_bytes",
    "network_from_bytes",
    "stay_off_the_network",
    "to_bytes",
    "to_frame",
]
