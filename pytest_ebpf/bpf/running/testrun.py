"""``BPF_PROG_TEST_RUN``: what each type of program wants, and what comes back.

Source: ``net/bpf/test_run.c`` and ``kernel/bpf/syscall.c`` of Linux 5.10 to 7.2, and runs on them.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Final

from pytest_ebpf.bpf.maps import Map
from pytest_ebpf.bpf.running import context
from pytest_ebpf.bpf.running.redirects import redirect
from pytest_ebpf.bpf.running.result import Result
from pytest_ebpf.uapi import ProgType
from pytest_ebpf.values.codec import Codec


class RunFlag(IntFlag):
    """Flags of ``BPF_PROG_TEST_RUN`` (``BPF_F_TEST_*``)."""

    ON_CPU = 1 << 0
    LIVE_FRAMES = 1 << 1
    CHECKSUM_COMPLETE = 1 << 2


@dataclass(frozen=True)
class RunRules:
    """How programs of a type are run.

    *frame*: they are given an Ethernet frame, else only a context. *layer3*: they see it from the network
    header on. *room*: bytes by which the output may exceed the input, None for types without output.
    *context_room*: bytes for the context that comes back. *repeats*: they can be run several times.
    """

    frame: bool = True
    layer3: bool = False
    room: int | None = 4096
    context_room: int = 0
    repeats: bool = True


_SKB: Final = RunRules(context_room=context.SK_BUFF.size)
_SKB_LAYER3: Final = RunRules(layer3=True, context_room=context.SK_BUFF.size)
_CONTEXT_ONLY: Final = RunRules(frame=False, room=None, repeats=False)

#: The types that some kernel can run. Tracing programs can be, too, but only on functions of the
#: kernel's own tests.
RULES: Final[dict[int, RunRules]] = {
    ProgType.XDP: RunRules(context_room=context.XDP_MD.size),
    ProgType.SCHED_CLS: _SKB,
    ProgType.SCHED_ACT: _SKB,
    ProgType.CGROUP_SKB: _SKB_LAYER3,
    ProgType.SOCKET_FILTER: _SKB_LAYER3,
    ProgType.LWT_IN: _SKB_LAYER3,
    ProgType.LWT_OUT: _SKB_LAYER3,
    ProgType.LWT_XMIT: _SKB_LAYER3,
    ProgType.LWT_SEG6LOCAL: _SKB_LAYER3,
    ProgType.FLOW_DISSECTOR: RunRules(layer3=True),
    ProgType.NETFILTER: RunRules(layer3=True, room=None),
    ProgType.SK_LOOKUP: RunRules(frame=False, room=None, context_room=context.SK_LOOKUP.size),
    ProgType.RAW_TRACEPOINT: _CONTEXT_ONLY,
    ProgType.SYSCALL: _CONTEXT_ONLY,
}


@dataclass(frozen=True)
class Answer:
    """One element of the answer to ``run``. *status* is an errno; *noted* is there if it was asked for."""

    status: int
    retval: int
    data: bytes | None
    size: int
    context: bytes | None
    duration: int
    noted: Sequence[int] | None = None

    @property
    def ran(self) -> bool:
        """Whether the program ran; with ENOSPC only its output did not fit."""
        return self.status in (0, errno.ENOSPC)


def result(
    answer: Answer,
    prog_type: int,
    verdicts: type[IntEnum] | None,
    declared: Codec | None = None,
    maps: Callable[[], Iterable[Map]] = tuple,
) -> Result:
    """What *answer* means for a program of this type; *declared* reads a syscall program's context.

    *maps* are those that a packet may be redirected through.
    """
    signed = answer.retval - (1 << 32) if answer.retval >> 31 else answer.retval
    verdict: IntEnum | int = signed
    if verdicts and signed in verdicts.__members__.values():
        verdict = verdicts(signed)
    rules = RULES[prog_type]
    metadata, data = b"", answer.data
    if prog_type == ProgType.XDP and answer.context and data is not None:
        split = context.metadata_length(answer.context)
        metadata, data = data[:split], data[split:]
    return Result(
        verdict=verdict,
        retval=answer.retval,
        data=data if rules.room is not None else None,
        data_size=answer.size - len(metadata),
        metadata=metadata,
        context=_context(answer, prog_type, declared),
        duration_ns=answer.duration,
        layer3=rules.layer3 and prog_type != ProgType.FLOW_DISSECTOR,
        redirect=redirect(answer.noted, prog_type, answer.retval, maps),
    )


def _context(answer: Answer, prog_type: int, declared: Codec | None) -> Any:
    if prog_type == ProgType.FLOW_DISSECTOR:
        return context.unpack_padded(context.FLOW_KEYS, answer.data) if answer.data else None
    if answer.context is None:
        return None
    if prog_type == ProgType.SYSCALL:
        return declared.decode(answer.context, 0) if declared else answer.context
    layouts = {ProgType.XDP: context.XDP_MD, ProgType.SK_LOOKUP: context.SK_LOOKUP}
    return context.unpack_padded(layouts.get(ProgType(prog_type), context.SK_BUFF), answer.context)
