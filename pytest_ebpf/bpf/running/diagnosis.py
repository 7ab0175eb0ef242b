"""Why a kernel refused to run a program: asked of the kernel itself, with a program that does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pytest_ebpf.bpf.probe import REFUSALS, SHORT, Probes, probes_of
from pytest_ebpf.bpf.running.context import SK_LOOKUP, XDP_MD, raw_arguments, sk_lookup
from pytest_ebpf.bpf.running.inputs import Kind
from pytest_ebpf.bpf.running.testrun import RULES, RunFlag
from pytest_ebpf.errors import EbpfError, GuestError, PacketError, UnsupportedError
from pytest_ebpf.guest import Guest
from pytest_ebpf.guest.client import errno_name
from pytest_ebpf.uapi import ProgType

#: An IPv4 packet without content (version 4, 20 bytes of header and of length), in an Ethernet frame.
_PLAIN: Final = (bytes(12) + b"\x08\x00\x45\x00\x00\x14" + bytes(4) + b"\x40\x11").ljust(SHORT, b"\0")


_WITHOUT: Final = "run it without, or on a newer kernel"


@dataclass(frozen=True)
class Attempt:
    """A run of a program of *kind* that the kernel refused with errno *status*.

    *context* is None unless the test gave one.
    """

    guest: Guest
    kind: Kind
    data: bytes | None
    context: bytes | None
    options: dict[str, int]
    status: int


def explain(attempt: Attempt) -> EbpfError:
    """The error to raise, found by leaving out of a harmless run one thing after the other."""
    if attempt.status in REFUSALS:
        probes = probes_of(attempt.guest)
        for cause in (_type, _packet, _context, _options):
            if found := cause(attempt, probes):
                return found
    return GuestError(
        f"this kernel does not run this ({errno_name(attempt.status)})",
        errno=attempt.status,
        where=attempt.kind.where,
    )


def _type(attempt: Attempt, probes: Probes) -> EbpfError | None:
    """The kernel runs no program of this type, whatever it is given."""
    if attempt.kind.number == ProgType.SYSCALL:  # must be sleepable, so no plain program tells
        return None
    data, context = _plain_input(attempt.kind.number)
    (status,) = probes.run(attempt.kind.number, [data], context, **_rooms(attempt.kind.number))
    if status <= 0:
        return None
    return UnsupportedError(
        f"this kernel cannot run {attempt.kind.name} programs by themselves ({errno_name(status)})",
        where=attempt.kind.where,
        hint="attach it and trigger what it is attached to",
    )


def _plain_input(prog_type: int) -> tuple[bytes | None, bytes | None]:
    if prog_type == ProgType.SK_LOOKUP:
        return None, sk_lookup(None)
    if prog_type == ProgType.RAW_TRACEPOINT:
        return None, raw_arguments(None)
    return _PLAIN, None


def _rooms(prog_type: int) -> dict[str, Any]:
    """No room for output where the kernel refuses even the wish for it."""
    rules = RULES[prog_type]
    rooms = {"data_room": 0} if rules.room is None else {}
    return {**rooms, "ctx_room": SK_LOOKUP.size if prog_type == ProgType.SK_LOOKUP else 0}


def _packet(attempt: Attempt, probes: Probes) -> EbpfError | None:
    """The kernel does not take a packet of this length."""
    if attempt.data is None:
        return None
    rooms = _rooms(attempt.kind.number)
    (status,) = probes.run(attempt.kind.number, [attempt.data], **rooms)
    if status <= 0:
        return None
    size = len(attempt.data)
    shortest = probes.shortest(attempt.kind.number, attempt.data, SHORT, **rooms) if size < SHORT else None
    if shortest:
        return PacketError(
            f"{size} bytes are too short for {attempt.kind.name} programs on this kernel",
            where=attempt.kind.where,
            hint=f"send {shortest} bytes or more",
        )
    longest = probes.longest(attempt.kind.number, attempt.data, **rooms) if size > SHORT else None
    if longest:
        return PacketError(
            f"{size} bytes are too long for {attempt.kind.name} programs on this kernel",
            where=attempt.kind.where,
            hint=f"send {longest} bytes at most",
        )
    return None


def _context(attempt: Attempt, probes: Probes) -> EbpfError | None:
    """The kernel takes no context for this type, or not this one."""
    if attempt.context is None or attempt.kind.number == ProgType.SYSCALL:
        return None
    rooms = {**_rooms(attempt.kind.number), "ctx_room": 0}
    (status,) = probes.run(attempt.kind.number, [attempt.data], attempt.context, **rooms)
    if status <= 0:
        return None
    if attempt.kind.number == ProgType.XDP:
        plain = len(_PLAIN).to_bytes(4, "little").rjust(8, b"\0").ljust(XDP_MD.size, b"\0")
        if probes.run(attempt.kind.number, [_PLAIN], plain, **rooms) != [0]:
            return UnsupportedError(
                "this kernel takes no xdp context or metadata", where=attempt.kind.where, hint=_WITHOUT
            )
    return GuestError(
        f"this kernel does not take this context ({errno_name(status)})",
        errno=status,
        where=attempt.kind.where,
        hint=_CONTEXT_HINTS.get(attempt.kind.number, "give fewer fields, and interfaces that exist"),
    )


_CONTEXT_HINTS: Final = {
    int(
        ProgType.XDP
    ): "rx_queue_index needs an ingress_ifindex that exists; metadata is a multiple of 4 bytes",
    int(ProgType.SK_LOOKUP): "addresses must be of the family; local_port needs 16 bits",
}


def _options(attempt: Attempt, probes: Probes) -> EbpfError | None:
    """The kernel does not know a flag."""
    if not attempt.options:
        return None
    rooms = _rooms(attempt.kind.number)
    if attempt.options.get("flags", 0) & RunFlag.LIVE_FRAMES:
        rooms = {"data_room": 0, "ctx_room": 0}
    (status,) = probes.run(attempt.kind.number, [attempt.data], attempt.context, **rooms, **attempt.options)
    if status <= 0:
        return None
    shown = ", ".join(f"{name}={value}" for name, value in attempt.options.items())
    return UnsupportedError(
        f"this kernel does not take {shown} for {attempt.kind.name} programs ({errno_name(status)})",
        where=attempt.kind.where,
        hint=_WITHOUT,
    )
