"""The protocol as bytes: what is asked, what is accepted, and everything that is refused."""

from __future__ import annotations

import struct
import time

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_ebpf.errors import GuestLostError, ProtocolError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.guest.wire import MAX_FRAME, decode_response, encode_request, receive_response


class Recorded:
    """A stream that gives recorded bytes and keeps what it was sent."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.sent = b""
        self.starved = 0.0

    def send(self, data: bytes, deadline: float) -> None:
        self.sent += data

    def receive(self, size: int, deadline: float) -> bytes:
        if len(self.data) < size:
            raise GuestLostError("the recording is over")
        taken, self.data = self.data[:size], self.data[size:]
        return taken


def frame(value: object) -> bytes:
    payload = msgpack.packb(value)
    return struct.pack("<I", len(payload)) + payload


HELLO = {
    "protocol": 1,
    "agent": "0.1",
    "libbpf": "1.7",
    "release": "6.1.0-56-cloud-amd64",
    "machine": "x86_64",
}


def test_a_request_is_a_length_and_a_message():
    sent = encode_request(7, [("lookup", {"map": 1, "keys": [b"\0\0\0\0"]})])
    assert struct.unpack("<I", sent[:4]) == (len(sent) - 4,)
    assert msgpack.unpackb(sent[4:]) == [7, [["lookup", {"map": 1, "keys": [b"\0\0\0\0"]}]]]


def test_a_request_over_the_limit_is_refused():
    with pytest.raises(ProtocolError, match=rf"over the limit of {MAX_FRAME}; send less at once"):
        encode_request(1, [("load", {"elf": bytes(MAX_FRAME)})])


def test_the_hello_is_asked_for_once():
    stream = Recorded(frame([1, [[0, HELLO]]]))
    guest = Guest(stream, timeout=1)
    assert guest.hello.release == "6.1.0-56-cloud-amd64"
    assert guest.hello.libbpf == "1.7"
    assert stream.data == b""


@pytest.mark.parametrize("field", sorted(HELLO))
def test_a_hello_that_lacks_a_field_is_refused(field):
    hello = {name: value for name, value in HELLO.items() if name != field}
    with pytest.raises(ProtocolError, match="the guest's hello lacks a field"):
        Guest(Recorded(frame([1, [[0, hello]]])), timeout=1).greet(1)


def test_an_agent_of_another_version_is_refused():
    stream = Recorded(frame([1, [[0, {**HELLO, "protocol": 9}]]]))
    with pytest.raises(ProtocolError) as caught:
        Guest(stream, timeout=1).greet(1)
    assert str(caught.value) == "the agent speaks protocol 9, not 1; build the agent again (make agent)"


def test_an_errno_becomes_an_exception_with_its_name():
    stream = Recorded(frame([1, [[22, {"what": "no such map", "index": 3}]]]))
    with pytest.raises(CallError) as caught:
        Guest(stream, timeout=1).call("update", map=5)
    assert str(caught.value) == "update: no such map (EINVAL: Invalid argument)"
    assert caught.value.errno == 22
    assert caught.value.details["index"] == 3


def test_the_kernels_own_enotsupp_has_a_name():
    stream = Recorded(frame([1, [[524, {"what": "run"}]]]))
    with pytest.raises(CallError, match="ENOTSUPP: operation is not supported"):
        Guest(stream, timeout=1).call("run")


def test_a_batch_keeps_failures_in_their_place():
    stream = Recorded(frame([1, [[0, 5], [2, {"what": "gone"}], [0, None]]]))
    first, second, third = Guest(stream, timeout=1).batch([("a", {}), ("b", {}), ("c", {})])
    assert (first, third) == (5, None)
    assert isinstance(second, CallError)
    assert second.errno == 2


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (b"\xc1", "the guest sent a message that is not msgpack"),
        (msgpack.packb([1, [[0, None]]]) + b"\0", "the guest sent a message that is not msgpack"),
        (b"\x91" * 5000 + b"\xc0", "the guest sent a message that is not msgpack"),
        (b"\xdd\xff\xff\xff\xff", "the guest sent a message that is not msgpack"),
        (msgpack.packb({"a": 1}), "the guest sent a message that is no response"),
        (msgpack.packb([1, [], 0]), "the guest sent a message that is no response"),
        (msgpack.packb([2, [[0, None]]]), "the guest answered request 2 instead of 1"),
        (msgpack.packb([1, []]), "the guest gave 0 answers to 1 calls"),
        (msgpack.packb([1, [0]]), "the guest gave an answer without a status"),
        (msgpack.packb([1, [[-1, None]]]), "the guest gave an answer without a status"),
        (msgpack.packb([1, [[2**64 - 1, {"what": "x"}]]]), "the guest gave an answer without a status"),
        (msgpack.packb([1, [[True, None]]]), "the guest gave an answer without a status"),
        (msgpack.packb([1, [[22, None]]]), r"the guest failed a call \(status 22\) without saying why"),
        (
            msgpack.packb([1, [[22, {"what": 4}]]]),
            r"the guest failed a call \(status 22\) without saying why",
        ),
    ],
)
def test_what_is_no_response_is_a_protocol_error(message, complaint):
    with pytest.raises(ProtocolError, match=complaint):
        decode_response(message, 1, 1)


def test_an_announced_length_is_bounded_before_it_is_read():
    stream = Recorded(struct.pack("<I", 0xFFFFFFFF))
    with pytest.raises(ProtocolError) as caught:
        receive_response(stream, 1, 1, time.monotonic() + 1)
    assert str(caught.value) == "the guest announced a message of 4294967295 bytes (limit 67108864)"


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_a_protocol_error(payload):
    try:
        answers = decode_response(payload, 1, 1)
    except ProtocolError:
        return
    assert len(answers) == 1
