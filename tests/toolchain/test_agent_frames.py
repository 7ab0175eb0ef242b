"""The agent's message layer: what is a frame, what is a request, and what ends the agent."""

import struct

import msgpack
import pytest

MIB = 1 << 20
NOT_A_REQUEST = "pytest-ebpf: a frame is not a request of the protocol, or its answer is too long\n"


def test_hello_tells_the_versions_and_the_machine(stdio_agent):
    status, hello = stdio_agent.call("hello")
    assert status == 0
    assert set(hello) == {"protocol", "agent", "libbpf", "release", "machine"}
    assert hello["protocol"] == 1
    assert hello["libbpf"].startswith("v1.")


def test_every_call_of_a_batch_is_answered_in_order(stdio_agent):
    answers = stdio_agent.batch(("hello", {}), ("nonsense", {}), ("unload", {}), ("hello", {}))
    assert [status for status, _ in answers] == [0, 38, 22, 0]
    assert answers[1][1] == {"what": "no such operation"}
    assert answers[2][1] == {"what": "object: missing"}


def test_an_empty_batch_has_an_empty_answer(stdio_agent):
    assert stdio_agent.batch() == []


def test_frames_may_come_byte_by_byte_or_several_at_once(stdio_agent):
    body = msgpack.packb([7, [["hello", {}]]])
    frame = struct.pack("<I", len(body)) + body
    for byte in frame:
        stdio_agent.send(bytes([byte]))
    assert stdio_agent.receive()[0] == 7
    stdio_agent.send(frame + frame + frame[:9])
    stdio_agent.send(frame[9:])
    assert [stdio_agent.receive()[0] for _ in range(3)] == [7, 7, 7]


def test_a_frame_of_megabytes_passes_both_ways(stdio_agent, tmp_path):
    data = bytes(range(256)) * (MIB // 64)
    path = str(tmp_path / "large")
    assert stdio_agent.call("write_file", path=path, data=data) == [0, None]
    assert stdio_agent.call("read_file", path=path, limit=8 * MIB) == [0, data]


@pytest.mark.parametrize(
    "call",
    [None, 1, "hello", [], ["hello"], ["hello", {}, {}], {"hello": {}}],
    ids=repr,
)
def test_a_malformed_call_is_answered_in_its_place(stdio_agent, call):
    stdio_agent.send_frame(msgpack.packb([1, [call, ["hello", {}]]]))
    first, second = stdio_agent.receive()[1]
    assert first == [22, {"what": "not a list of op and args"}]
    assert second[0] == 0


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ([1, {}], "op: not a str"),
        (["x" * 40, {}], "op: longer than 31 bytes (40)"),
        (["he\0lo", {}], "op: has a NUL byte"),
        (["hello", []], "args: not a map"),
        (["hello", None], "args: not a map"),
    ],
)
def test_what_is_wrong_with_a_call_is_named(stdio_agent, call, what):
    stdio_agent.send_frame(msgpack.packb([1, [call]]))
    assert stdio_agent.receive() == [1, [[22, {"what": what}]]]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x92\x01",
        msgpack.packb(None),
        msgpack.packb([]),
        msgpack.packb([1]),
        msgpack.packb([1, [], 2]),
        msgpack.packb([-1, []]),
        msgpack.packb([1 << 32, []]),
        msgpack.packb(["1", []]),
        msgpack.packb([1, {}]),
        msgpack.packb([1, []]) + b"\x00",
        b"\x91" * 600,
        b"\x92\x01\xdd\xff\xff\xff\xff",
        b"\x92\x01\xdf\xff\xff\xff\xff",
        b"\x92\x01\xc6\xff\xff\xff\xff",
    ],
    ids=lambda body: body[:8].hex() or "empty",
)
def test_what_is_no_request_ends_the_agent(stdio_agent, body):
    stdio_agent.send_frame(body)
    assert stdio_agent.receive() is None
    assert stdio_agent.finish() == (2, NOT_A_REQUEST)


def test_a_frame_that_is_too_long_ends_the_agent_before_its_body(stdio_agent):
    stdio_agent.send(struct.pack("<I", 64 * MIB + 1))
    assert stdio_agent.finish() == (2, "pytest-ebpf: a frame is longer than 64 MiB\n")


@pytest.mark.parametrize("part", [b"\x05", b"\x05\0\0", b"\x05\0\0\0", b"\x05\0\0\0\x92\x01"], ids=bytes.hex)
def test_a_connection_that_ends_inside_a_frame_is_told(stdio_agent, part):
    stdio_agent.send(part)
    assert stdio_agent.finish() == (2, "pytest-ebpf: the connection ended inside a frame\n")


def test_a_connection_that_ends_between_frames_is_the_good_end(stdio_agent):
    stdio_agent.call("hello")
    assert stdio_agent.finish() == (0, "")


def test_an_answer_that_is_too_long_is_a_failure_of_its_call_alone(stdio_agent, tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(30 * MIB))
    read = ("read_file", {"path": str(path), "limit": 30 * MIB})
    answers = stdio_agent.batch(read, read, read, ("hello", {}))
    assert [status for status, _ in answers] == [0, 0, 90, 0]
    assert answers[2][1] == {"what": f"the answer is longer than {63 * MIB + 4} bytes"}


def test_what_cannot_be_told_of_is_not_done(stdio_agent, tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(30 * MIB))
    fill = [
        ("read_file", {"path": str(path), "limit": limit}) for limit in (30 * MIB, 30 * MIB, 3 * MIB - 2000)
    ]
    made, written = tmp_path / "made", ("write_file", {"path": str(tmp_path / "made"), "data": b""})
    *read, refused, again = stdio_agent.batch(*fill, written, written)
    assert [status for status, _ in read] == [0, 0, 0]
    taken = 4 + 1 + 1 + 1 + sum(1 + 1 + 5 + limit for limit in (30 * MIB, 30 * MIB, 3 * MIB - 2000))
    assert refused == [90, {"what": f"not done: the answers before it take {taken} bytes"}]
    assert again[0] == 90
    assert not made.exists()
