"""Which packet a test expects, and words for the one that did not come. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_ebpf.errors import UsageError

if TYPE_CHECKING:
    from scapy.packet import Packet

#: A layer, a function that says whether it is the packet, or None for any.
Expected: TypeAlias = "type[Packet] | Callable[[Packet], bool] | None"

#: Packets that are named when another was expected.
_NAMED: Final = 5


def check(what: object, where: str) -> None:
    """:class:`~pytest_ebpf.errors.UsageError` for what says nothing of packets, as the name of a layer."""
    if what is not None and not callable(what):
        raise UsageError(
            f"{what!r} is no layer of scapy",
            where=where,
            hint="give the class, such as UDP, or a function: lambda packet: packet[UDP].dport == 53",
        )


def fits(packet: Packet, what: Expected) -> bool:
    """Whether *packet* is *what* is expected."""
    if what is None:
        return True
    return bool(packet.haslayer(what) if isinstance(what, type) else what(packet))


def name(what: Expected) -> str:
    """Name what is expected: the layer, or the function if it has a name."""
    if what is None:
        return "packet"
    word = getattr(what, "__name__", "")
    return f"{word} packet" if isinstance(what, type) or word.isidentifier() else "such packet"


def instead(others: Sequence[Packet]) -> str:
    """Tell of the packets that came, and were others."""
    if not others:
        return "nothing came"
    named = "; ".join(packet.summary() for packet in others[:_NAMED])
    more = len(others) - _NAMED
    return f"what came: {named}" + (f"; and {more} more" if more > 0 else "")
