"""What a run of a program gave."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_ebpf import packets
from pytest_ebpf.bpf.running.redirects import Redirect
from pytest_ebpf.errors import PacketError
from pytest_ebpf.uapi import spelled

if TYPE_CHECKING:
    from scapy.packet import Packet

#: ``ETH_HLEN``: what the kernel puts in front of the packet of a program that sees the network layer.
ETHERNET = 14


@dataclass(frozen=True, repr=False)
class Result:
    """One run of a program.

    *verdict* is the return value by the name it has for this type of program, or as a signed number;
    *retval* is the same as the kernel gave it, unsigned. *data* is the packet after the program, None for
    types that give none; *data_size* is its full length, should the buffer have been too small for it.
    *metadata* is what an XDP program left in front of the packet. *context* is the context after the
    program, None where the kernel gives none. *duration_ns* is the mean of all repetitions, by the
    kernel's clock: on an emulated machine it says nothing. *redirect* is where the packet was redirected
    to, if the run was asked to tell.
    """

    verdict: IntEnum | int
    retval: int
    data: bytes | None = None
    data_size: int = 0
    metadata: bytes = b""
    context: Any = None
    duration_ns: int = 0
    layer3: bool = False
    redirect: Redirect | None = None

    def __repr__(self) -> str:
        said = spelled(self.verdict)
        return f"<Result {said}>" if self.data is None else f"<Result {said}, {self.data_size} bytes>"

    @cached_property
    def packet(self) -> Packet:
        """The packet after the program, dissected by scapy.

        From its Ethernet header for xdp, tc and flow dissectors. Programs that see the network layer
        (cgroup_skb, socket_filter, lwt) begin at the IP header: of their Ethernet header the kernel
        gives 14 zeros, which *data* still has.
        """
        data = self.data or b""
        return packets.network_from_bytes(data[ETHERNET:]) if self.layer3 else packets.from_bytes(data)

    def matches(self, expected: packets.PacketLike, ignore: Collection[str] = ()) -> packets.Match:
        """Say whether the packet after the program is *expected*, as both are on the wire.

        ``assert result.matches(expected, ignore=["IP.id", "UDP.chksum"])`` tells what differs, by fields.
        *ignore* are fields or whole layers (``"Raw"``) whose content may differ; checksums that are right
        are never a difference by themselves. :class:`~pytest_ebpf.errors.PacketError` for a name there that
        is none, and where programs of this type give no packet.
        """
        if self.data is None:
            raise PacketError(
                "a program of this type gives no packet", where="result", hint="look at its verdict"
            )
        got = self.data[ETHERNET:] if self.layer3 else self.data
        like = packets.network_from_bytes(got) if self.layer3 else got
        return packets.matches(like, expected, ignore)
