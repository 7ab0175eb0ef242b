"""Frames of the protocol: a 4-byte little-endian length and one msgpack value.

Nothing that comes from the guest is trusted: lengths are bounded before a byte is read, shapes are
checked before a value is used.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgpack

from pytest_ebpf.errors import ProtocolError

#: Bytes of a frame after its length, in either direction (``WIRE_FRAME_MAX`` in ``vm/agent/wire.h``).
MAX_FRAME: Final = 64 << 20

#: Of ``include/linux/err.h``.
MAX_ERRNO: Final = 4095

_LENGTH: Final = struct.Struct("<I")

Call = tuple[str, dict[str, Any]]
Answer = tuple[int, Any]


class Stream(Protocol):
    """Two-way bytes with deadlines: the guest's port, or the pipes of a local agent.

    Deadlines are in seconds of ``time.monotonic()``. Both methods raise
    :class:`~pytest_ebpf.errors.DeadlineError` or :class:`~pytest_ebpf.errors.GuestLostError`.
    """

    @property
    def starved(self) -> float:
        """The seconds in all by which deadlines were put off, as the other end could not run."""

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of *data*."""

    def receive(self, size: int, deadline: float) -> bytes:
        """Return exactly *size* bytes."""


def encode_request(number: int, calls: Sequence[Call]) -> bytes:
    """Return the frame that asks for *calls*; :class:`ProtocolError` if it would be too long."""
    payload: bytes = msgpack.packb([number, calls], use_bin_type=True)
    if len(payload) > MAX_FRAME:
        raise ProtocolError(
            f"a request of {len(payload)} bytes is over the limit of {MAX_FRAME}", hint="send less at once"
        )
    return _LENGTH.pack(len(payload)) + payload


def receive_response(stream: Stream, number: int, count: int, deadline: float) -> list[Answer]:
    """Read the response to request *number*, which made *count* calls."""
    (length,) = _LENGTH.unpack(stream.receive(_LENGTH.size, deadline))
    if length > MAX_FRAME:
        raise ProtocolError(f"the guest announced a message of {length} bytes (limit {MAX_FRAME})")
    return decode_response(stream.receive(length, deadline), number, count)


def decode_response(payload: bytes, number: int, count: int) -> list[Answer]:
    """Check *payload* against the shape of a response and return its answers."""
    try:
        message = msgpack.unpackb(payload, raw=False, strict_map_key=False, use_list=True)
    except (ValueError, TypeError, RecursionError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolError(f"the guest sent a message that is not msgpack ({error})") from error
    if not (isinstance(message, list) and len(message) == 2 and isinstance(message[1], list)):
        raise ProtocolError("the guest sent a message that is no response")
    got, answers = message
    if got != number:
        raise ProtocolError(f"the guest answered request {got!r} instead of {number}")
    if len(answers) != count:
        raise ProtocolError(f"the guest gave {len(answers)} answers to {count} calls")
    return [_answer(answer) for answer in answers]


def _answer(answer: Any) -> Answer:
    if not (isinstance(answer, list) and len(answer) == 2 and _is_status(answer[0])):
        raise ProtocolError("the guest gave an answer without a status")
    status, value = answer
    if status and not (isinstance(value, dict) and isinstance(value.get("what"), str)):
        raise ProtocolError(f"the guest failed a call (status {status}) without saying why")
    return status, value


def _is_status(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_ERRNO
