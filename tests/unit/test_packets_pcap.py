"""Files of frames: written with their times, read back whatever wrote them."""

from __future__ import annotations

import gzip
import struct

import pytest
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap, wrpcap, wrpcapng

from pytest_ebpf.errors import PacketError
from pytest_ebpf.packets.pcap import Frame, read_pcap, write_pcap

FRAMES = [bytes(12) + b"\x08\x00" + bytes([number] * 46) for number in range(3)]


def test_what_is_written_is_read_back_and_scapy_reads_the_times(tmp_path):
    path = tmp_path / "frames.pcap"
    write_pcap(
        path, [Frame(data, 1_700_000_000_123_456_789 + at, sent=False) for at, data in enumerate(FRAMES)]
    )
    assert read_pcap(path) == FRAMES
    assert [int(packet.time * 10**9) % 10**9 for packet in rdpcap(str(path))] == [
        123_456_789,
        123_456_790,
        123_456_791,
    ]


def test_no_frames_are_a_file_too(tmp_path):
    write_pcap(tmp_path / "none.pcap", [])
    assert read_pcap(tmp_path / "none.pcap") == []


def test_what_others_write_is_read(tmp_path):
    packets = [Ether(data) for data in FRAMES]
    wrpcap(str(tmp_path / "a.pcap"), packets)
    wrpcapng(str(tmp_path / "b.pcapng"), packets)
    (tmp_path / "c.pcap.gz").write_bytes(gzip.compress((tmp_path / "a.pcap").read_bytes()))
    assert [read_pcap(path) for path in sorted(tmp_path.iterdir())] == [FRAMES] * 3


def refused(path) -> str:
    with pytest.raises(PacketError) as caught:
        read_pcap(path)
    return str(caught.value)


def test_what_is_no_capture(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("these are no frames, but text that goes on for a while")
    assert refused(path) == f"{path}: is no capture (Not a supported capture file); give a pcap file"


def test_an_empty_file(tmp_path):
    path = tmp_path / "empty.pcap"
    path.touch()
    assert refused(path) == f"{path}: is no capture (No data could be read!); give a pcap file"


def test_a_file_that_is_not_there(tmp_path):
    assert refused(tmp_path / "none") == f"{tmp_path}/none: cannot be read (No such file or directory)"


def test_frames_of_another_kind(tmp_path):
    path = tmp_path / "wifi.pcap"
    header = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 105)
    path.write_bytes(header + struct.pack("<IIII", 0, 0, 4, 4) + b"wifi")
    assert refused(path) == f"{path}: holds something else than Ethernet frames (link type 105)"


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(PacketError) as caught:
        write_pcap(tmp_path / "no" / "x.pcap", [])
    assert str(caught.value) == f"{tmp_path}/no/x.pcap: cannot be written (No such file or directory)"
