"""What is sent to run a program: packets and contexts as bytes, and room for what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_ebpf import packets
from pytest_ebpf.bpf.running import context
from pytest_ebpf.bpf.running.testrun import RULES, RunRules
from pytest_ebpf.errors import PacketError, UsageError
from pytest_ebpf.packets.convert import PacketLike
from pytest_ebpf.uapi import ProgType
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import Codec


@dataclass(frozen=True)
class Kind:
    """A program's type, by the kernel's number and by name; *where* begins messages about it.

    *function* is the program's own name, by which its BTF knows what it is given.
    """

    number: int
    name: str
    where: str
    function: str = ""


@dataclass(frozen=True)
class Inputs:
    """One element for each run; *context* None: none is sent at all.

    *declared* reads the contexts of a syscall program back. *optional* contexts are those of xdp that
    nobody asked for: they tell metadata from the packet, and are left out where the kernel takes none.
    *redirect*: the answers are to tell where packets were redirected to.
    """

    data: Sequence[bytes | None]
    context: Sequence[bytes | None] | None = None
    declared: Codec | None = None
    optional: bool = False
    redirect: bool = False


def pack_inputs(
    kind: Kind,
    frames: Sequence[PacketLike | None],
    contexts: Sequence[Any],
    metadata: bytes,
    values: Values | None,
) -> Inputs:
    """Turn *frames* and *contexts*, as many of each, into bytes.

    :class:`PacketError`, :class:`UsageError` or ValueConversionError for what the type does not take.
    """
    rules = RULES[kind.number]
    if not rules.frame:
        if any(frame is not None for frame in frames):
            raise PacketError(
                f"a {kind.name} program is given no packet", where=kind.where, hint="give a context"
            )
        return _contexts_alone(kind, contexts, values)
    data = [_frame(kind, rules, frame) for frame in frames]
    if kind.number == ProgType.XDP:
        return _xdp(data, contexts, metadata)
    if metadata:
        raise PacketError(
            f"a {kind.name} program has no metadata", where=kind.where, hint="only xdp programs have"
        )
    if all(each is None for each in contexts):
        return Inputs(data)
    if not rules.context_room:
        raise UsageError(f"a {kind.name} program takes no context", where=kind.where, hint="leave it out")
    return Inputs(data, [context.fields(context.SK_BUFF, each) for each in contexts])


def _frame(kind: Kind, rules: RunRules, frame: PacketLike | None) -> bytes:
    if frame is None:
        raise PacketError(f"a {kind.name} program needs a packet", where=kind.where, hint="give run() one")
    return packets.to_frame(frame, layer3=rules.layer3)


def _contexts_alone(kind: Kind, contexts: Sequence[Any], values: Values | None) -> Inputs:
    nothing = [None] * len(contexts)
    if kind.number == ProgType.SK_LOOKUP:
        return Inputs(nothing, [context.sk_lookup(each) for each in contexts])
    if kind.number == ProgType.RAW_TRACEPOINT:
        return Inputs(nothing, [context.raw_arguments(each) for each in contexts])
    pairs = [
        (None, None) if each is None else context.declared(each, values, kind.function) for each in contexts
    ]
    layout = next((layout for _, layout in pairs if layout), None)
    return Inputs(nothing, [data for data, _ in pairs], layout)


def _xdp(data: list[bytes], contexts: Sequence[Any], metadata: bytes) -> Inputs:
    buffers = [metadata + each for each in data]
    packed = [
        context.xdp_md(each, size=len(buffer), metadata=len(metadata))
        for each, buffer in zip(contexts, buffers, strict=True)
    ]
    asked = bool(metadata) or any(each is not None for each in contexts)
    return Inputs(buffers, packed, optional=not asked)


def rooms(prog_type: int, inputs: Inputs, *, live: bool) -> dict[str, int]:
    """The sizes of the output buffers, in bytes: 0 for what the type, or a *live* run, does not give."""
    rules = RULES[prog_type]
    if live:
        return {"data_room": 0, "ctx_room": 0}
    longest = max((len(each) for each in inputs.data if each is not None), default=0)
    context_room = rules.context_room
    if prog_type == ProgType.XDP and inputs.context is None:
        context_room = 0
    return {"data_room": 0 if rules.room is None else longest + rules.room, "ctx_room": context_room}
