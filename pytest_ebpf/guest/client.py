"""Calls on the guest agent."""

from __future__ import annotations

import errno
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_ebpf.errors import GuestError, ProtocolError
from pytest_ebpf.guest.wire import Call, Stream, encode_request, receive_response

PROTOCOL_VERSION: Final = 1

#: ENOTSUPP of ``include/linux/errno.h``: kernel-internal, yet bpf(2) returns it; unknown to Python.
ENOTSUPP: Final = 524


@dataclass(frozen=True)
class Hello:
    """What the agent says of itself and of the kernel that booted."""

    protocol: int
    agent: str
    libbpf: str
    release: str
    machine: str


@dataclass(frozen=True)
class Ticket:
    """Calls that are on their way: the *number* of their message and their *ops*."""

    number: int
    ops: tuple[str, ...]


class CallError(GuestError):
    """A call that the guest carried out and that failed; *details* is what the op adds to ``what``."""

    def __init__(self, op: str, status: int, value: Mapping[str, Any]) -> None:
        super().__init__(f"{value['what']} ({errno_name(status)})", errno=status, where=op)
        self.details = dict(value)


def errno_name(number: int) -> str:
    """Return ``EINVAL: Invalid argument`` for 22."""
    if number == ENOTSUPP:
        return "ENOTSUPP: operation is not supported"
    return f"{errno.errorcode.get(number, number)}: {os.strerror(number)}"


class Guest:
    """The agent at the other end of *stream*. *timeout* is the seconds that one call may take."""

    def __init__(self, stream: Stream, *, timeout: float) -> None:
        self._until = math.inf
        self._stream = stream
        self._timeout = timeout
        self._number = 0
        self._hello: Hello | None = None

    @property
    def until(self) -> float:
        """No call goes on beyond this, in seconds of ``time.monotonic()``.

        It is put off by the time in which the host did not let the guest run.
        """
        return self._until + self._stream.starved

    @until.setter
    def until(self, deadline: float) -> None:
        self._until = deadline - self._stream.starved

    @property
    def hello(self) -> Hello:
        """The agent's hello, asked for once."""
        if self._hello is None:
            self._hello = self.greet(self._timeout)
        return self._hello

    def greet(self, timeout: float) -> Hello:
        """Ask for the hello, within *timeout* seconds; :class:`ProtocolError` if versions differ."""
        value = self._single("hello", {}, timeout)
        fields = {"protocol": int, "agent": str, "libbpf": str, "release": str, "machine": str}
        if not isinstance(value, dict) or any(type(value.get(k)) is not t for k, t in fields.items()):
            raise ProtocolError("the guest's hello lacks a field")
        if value["protocol"] != PROTOCOL_VERSION:
            raise ProtocolError(
                f"the agent speaks protocol {value['protocol']}, not {PROTOCOL_VERSION}",
                hint="build the agent again (make agent)",
            )
        self._hello = Hello(**{name: value[name] for name in fields})
        return self._hello

    def call(self, op: str, **args: Any) -> Any:
        """Carry out one *op*; :class:`CallError` if the guest answers with an errno."""
        return self._single(op, args, self._timeout)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Carry out all *calls* in one message. A failed one is a :class:`CallError` in its place."""
        return self.collect(self.post(calls, self._timeout), self._timeout)

    def post(self, calls: Sequence[Call], timeout: float) -> Ticket:
        """Send *calls* within *timeout* seconds and return without waiting; :meth:`collect` the answers."""
        self._number = (self._number + 1) & 0xFFFFFFFF
        self._stream.send(encode_request(self._number, calls), self._deadline(timeout))
        return Ticket(self._number, tuple(op for op, _ in calls))

    def collect(self, ticket: Ticket, timeout: float) -> list[Any]:
        """Return the answers to what was posted; tickets must be collected in their order."""
        answers = receive_response(self._stream, ticket.number, len(ticket.ops), self._deadline(timeout))
        return [
            CallError(op, status, value) if status else value
            for op, (status, value) in zip(ticket.ops, answers, strict=True)
        ]

    def _deadline(self, timeout: float) -> float:
        return min(time.monotonic() + timeout, self.until)

    def _single(self, op: str, args: dict[str, Any], timeout: float) -> Any:
        (answer,) = self.collect(self.post([(op, args)], timeout), timeout)
        if isinstance(answer, CallError):
            raise answer
        return answer
