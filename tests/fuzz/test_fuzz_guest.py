"""Whatever comes from a guest or its emulator: the declared errors and nothing else."""

from __future__ import annotations

import json
import re
import socket
import struct
import subprocess
import time
from contextlib import suppress

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mutations import mutated

from pytest_ebpf.errors import EbpfError, InfrastructureError, KernelCrashedError, MachineError, ProtocolError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.guest.wire import decode_response
from pytest_ebpf.machine import Machine, console, kernellog
from pytest_ebpf.machine.monitor import Monitor
from pytest_ebpf.machine.snapshot import DamagedSnapshotError, Snapshot
from pytest_ebpf.system import rtnetlink
from pytest_ebpf.system.network import read_answers

RESPONSE = msgpack.packb([1, [[0, {"items": [[b"key", b"value"]], "more": False}], [22, {"what": "no"}]]])
QMP = b'{"QMP": {}}\r\n{"return": {}}\r\n{"event": "STOP"}\r\n{"return": {"status": "running"}}\r\n'

LOG = b"6,1,2,-;WARNING: CPU: 0 PID: 1 at x\n SUBSYSTEM=pci\n"
CONSOLE = b"\x1b[2J[    1.5] BUG: unable to handle\r\nqemu-system-x86_64: no\r\n"

LINK = rtnetlink.NewLink("veth", "a", mac="02:00:00:00:00:01", mtu=1500).request()
DATAGRAM = LINK.encode(1) + struct.pack("=IHHIIiIHHII", 36, 2, 0, 1, 0, -17, 16, 16, 0, 1, 0)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(0, 9), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(mutated(RESPONSE) | VALUES.map(msgpack.packb), st.integers(0, 3))
@example(b"\xdd\xff\xff\xff\xff", 1)
@example(b"\xc6\xff\xff\xff\xff", 1)
@example(b"\x91" * 10**6, 1)
@example(msgpack.packb([1, [[2**64 - 1, {"what": "x"}]]]), 1)
def test_a_response(payload, count):
    try:
        answers = decode_response(payload, 1, count)
    except ProtocolError:
        return
    assert len(answers) == count
    for status, value in answers:
        assert status == 0 or str(CallError("op", status, value)).startswith(f"op: {value['what']} (")


@given(mutated(DATAGRAM))
@example(DATAGRAM)
def test_a_datagram_of_netlink(data):
    with suppress(EbpfError):
        for message in read_answers((LINK,), 1, [data]):
            rtnetlink.read_link(message)


@pytest.mark.parametrize("element", [b"\x90", b"\x80", b"\xa2ab", b"\xcb" + bytes(8)], ids=repr)
def test_a_response_of_many_small_things_is_bounded(element):
    """A byte of the wire may become an object of 64: what a frame of a few MiB makes is a few hundred."""
    count = (4 << 20) // len(element)
    with pytest.raises(ProtocolError):
        decode_response(b"\xdd" + struct.pack(">I", count) + element * count, 1, 1)


@pytest.fixture(scope="module")
def hung_up():
    """A process that has ended, for machines that are told so at once."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process


@given(mutated(struct.pack("<I", len(RESPONSE)) + RESPONSE), st.binary(max_size=300))
def test_the_bytes_of_a_port_and_a_console(hung_up, port, printed):
    pairs = [socket.socketpair() for _ in range(3)]
    for ours, theirs in pairs[:2]:
        ours.setblocking(False)
        theirs.setblocking(False)
    machine = Machine(hung_up, *(ours for ours, _ in pairs))
    pairs[0][1].send(port)
    pairs[1][1].send(printed)
    pairs[0][1].shutdown(socket.SHUT_WR)
    with machine, suppress(InfrastructureError, KernelCrashedError):
        Guest(machine, timeout=5).batch([("a", {}), ("b", {})])
    for _, theirs in pairs:
        theirs.close()


@given(mutated(QMP))
@example(b'{"error": 5}\n{"error": 5}\n')
@example(b'{"return": {}}\n{"error": {"desc": {}}}\n')
@example(b"[" * 10**5 + b"\n")
def test_the_lines_of_a_monitor(data):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        monitor = Monitor(ours)
        theirs.send(data)
        theirs.shutdown(socket.SHUT_WR)
        with suppress(MachineError):
            assert isinstance(monitor.ask("query-status", time.monotonic() + 5), dict)


@given(
    st.text()
    | mutated(b"6,1,2,-;WARNING: CPU: 0 PID: 1 at x\n SUB=pci\n").map(lambda raw: raw.decode("latin1"))
)
def test_a_kernels_log(log):
    found = kernellog.splat(kernellog.messages(log), [re.compile("nothing")])
    assert found is None or found in log


@given(
    st.binary(max_size=500) | mutated(b"\x1b[2J[    1.5] BUG: unable to handle\r\nqemu-system-x86_64: no\r\n")
)
def test_a_console(data):
    printed = console.Console()
    printed.append(data)
    text = printed.text
    assert "\x1b" not in text
    assert (console.splat(text) or "") in text
    assert (console.complaint(text) or "") in text


@given(mutated(json.dumps({"ram": [10, 5, 7], "state": [1, 2, 3]}).encode()))
@example(b'{"ram": [1e999, 1, 1], "state": [1, 1, 1]}')
@example(b'{"ram": [0, 1' + b"0" * 5000 + b', 1], "state": [1, 1, 1]}')
@example(b'{"ram": [0, 99999999999999999999999, 0], "state": [0, 99999999999999999999999, 0]}')
@example(b'{"ram": [0, -99999999999999999999999, 0], "state": [0, 0, 0]}')
def test_the_description_of_a_snapshot(tmp_path_factory, description):
    folder = tmp_path_factory.getbasetemp() / "snapshot"
    folder.mkdir(exist_ok=True)
    for name in ("ram", "state"):
        (folder / name).write_bytes(b"")
    (folder / "snapshot.json").write_bytes(description)
    with suppress(DamagedSnapshotError):
        Snapshot(folder, recipe=None).check()
