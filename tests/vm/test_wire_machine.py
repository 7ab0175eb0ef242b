"""Wires and the machines at their other ends: captures, floods, restores, and machines that die."""

from __future__ import annotations

import os
import signal
import time

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap
from wires import wired, wired_recipe

from pytest_ebpf.errors import DeadlineError, GuestLostError, KernelCrashedError
from pytest_ebpf.guest import Guest
from pytest_ebpf.machine import boot
from pytest_ebpf.machine.qemu import Ram
from pytest_ebpf.machine.snapshot import restore, write
from pytest_ebpf.uapi import AttachType, ProgType
from pytest_ebpf.wire import Wire, wires_of

#: ``r0 = N; exit``: XDP_DROP, XDP_TX. The struct is ``struct bpf_insn``.
DROP, TX = (bytes([0xB7, 0, 0, 0, verdict, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]) for verdict in (1, 3))

FLOOD = 10_000


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


@pytest.fixture
def machine(kernel):
    with wired(kernel) as (machine, _):
        yield machine


@pytest.fixture
def wire(machine, guest):
    return wires_of(guest, machine.wires)[0]


def attach(guest: Guest, insns: bytes) -> None:
    prog = guest.call(
        "assemble", type=int(ProgType.XDP), attach_type=int(AttachType.XDP), insns=insns, license="GPL"
    )["prog"]
    assert guest.call("attach", prog=prog, how="xdp", interface="eth0", mode="native")["mode"] == "native"


def exchange_for_ever(wire: Wire) -> None:
    while True:
        wire.send(bytes(60))
        wire.recv_bytes(5)


def numbered(count: int) -> list[bytes]:
    return [bytes(12) + b"\x88\xb5" + number.to_bytes(4, "big") + bytes(42) for number in range(count)]


class TestFlood:
    def test_ten_thousand_frames_come_back_in_their_order(self, guest, wire):
        attach(guest, TX)
        frames = numbered(FLOOD)
        assert wire.exchange(frames, timeout=60) == frames

    def test_ten_thousand_frames_that_nobody_reads_do_no_harm(self, machine, guest, wire):
        attach(guest, TX)
        wire.send_many(numbered(FLOOD))
        wire.settle(timeout=60)
        machine.wires[0].drop()
        wire = wires_of(guest, machine.wires)[0]
        assert wire.exchange(numbered(10)) == numbered(10)

    @lines("5.10", "7.2")
    def test_ten_thousand_frames_that_are_dropped(self, guest, wire):
        attach(guest, DROP)
        assert wire.exchange(numbered(FLOOD), timeout=60) == []
        received = guest.call("read_file", path="/sys/class/net/eth0/statistics/rx_packets")
        assert int(received) == FLOOD


@lines("6.12")
class TestCapture:
    def test_it_has_what_went_both_ways_in_order(self, guest, wire):
        before, *frames = numbered(4)
        attach(guest, TX)
        wire.send(before)
        start = time.time_ns()
        with wire.capture() as capture:
            assert wire.exchange(frames[:2]) == frames[:2]
            wire.send(frames[2])
        end = time.time_ns()
        assert capture.sent == frames
        assert capture.received == frames
        times = [frame.time_ns for frame in capture.frames]
        assert times == sorted(times)
        assert start <= times[0] <= times[-1] <= end

    def test_what_it_has_seen_can_still_be_read(self, guest, wire):
        attach(guest, TX)
        with wire.capture() as capture:
            wire.send(bytes(60))
            assert len(capture.received) == 1
        assert wire.recv_bytes(60) == bytes(60)

    def test_its_packets_are_scapys_with_their_times(self, guest, wire):
        attach(guest, TX)
        packet = Ether(dst=wire.mac) / IP(dst="10.0.0.1") / UDP(dport=5000)
        with wire.capture() as capture:
            wire.send(packet)
        (seen,) = capture.packets
        assert seen[UDP].dport == 5000
        assert float(seen.time) == pytest.approx(time.time(), abs=10)

    def test_a_file_of_it_is_what_scapy_reads_and_can_be_sent_again(self, guest, wire, tmp_path):
        attach(guest, TX)
        frames = numbered(5)
        with wire.capture() as capture:
            wire.exchange(frames)
        capture.write_pcap(tmp_path / "wire.pcap")
        packets = rdpcap(str(tmp_path / "wire.pcap"))
        assert sorted(map(bytes, packets)) == sorted(frames * 2)
        assert int(packets[0].time * 10**9) == capture.frames[0].time_ns
        assert wire.replay(tmp_path / "wire.pcap") == 10
        assert [wire.recv_bytes(60) for _ in range(10)] == [bytes(packet) for packet in packets]


@lines("5.10", "6.12")
class TestRestore:
    def test_frames_of_the_machine_that_was_saved_are_not_seen(self, kernel, tmp_path):
        recipe = wired_recipe(kernel)
        machine = boot(recipe, timeout=300, ram=Ram(tmp_path / "ram", shared=True))
        guest = Guest(machine, timeout=60)
        attach(guest, TX)
        wire = wires_of(guest, machine.wires)[0]
        wire.send_many(numbered(300))
        wire.settle()
        snapshot = write(machine, recipe, tmp_path)
        machine, guest = restore(snapshot, call_timeout=60).ready(60)
        with machine:
            wire = wires_of(guest, machine.wires)[0]
            assert wire.exchange([b"\1" * 60]) == [b"\1" * 60]
            assert wire.recv_bytes(0) is None


@lines("6.12")
class TestEnds:
    """What becomes of a test whose machine ends while frames are under way."""

    def test_a_kernel_that_panics_is_told_with_its_last_words(self, guest, wire):
        attach(guest, TX)
        wire.send_many(numbered(50))
        guest.post([("write_file", {"path": "/proc/sysrq-trigger", "data": b"c"})], 10)
        with pytest.raises(KernelCrashedError) as caught:
            exchange_for_ever(wire)
        assert str(caught.value) == "Kernel panic - not syncing: sysrq triggered crash"
        assert "Call Trace" in caught.value.console

    def test_an_emulator_that_is_killed(self, machine, wire):
        os.kill(machine.pid, signal.SIGKILL)
        with pytest.raises(GuestLostError, match=r"^the machine ended \(killed by SIGKILL\)$"):
            wire.recv_bytes(5)

    def test_it_is_told_to_who_sends_too(self, machine, wire):
        os.kill(machine.pid, signal.SIGKILL)
        with pytest.raises(GuestLostError, match=r"^the machine ended \(killed by SIGKILL\)$"):
            wire.send_many(numbered(FLOOD))

    def test_a_machine_that_takes_nothing_more_meets_the_end_of_the_test(self, machine, guest, wire):
        os.kill(machine.pid, signal.SIGSTOP)
        guest.until = time.monotonic() + 0.3
        with pytest.raises(DeadlineError) as caught:
            wire.send_many([bytes(1514)] * FLOOD)
        assert str(caught.value) == (
            "eth0: the guest takes no more frames until the time of the test was over"
        )

    def test_waiting_for_a_packet_ends_with_the_test(self, guest, wire):
        guest.until = time.monotonic() + 0.1
        with pytest.raises(DeadlineError) as caught:
            wire.recv(timeout=30)
        assert str(caught.value) == "eth0: nothing came until the time of the test was over"
