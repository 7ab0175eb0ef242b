"""What a failed assertion says of verdicts, packets, and values of maps, and what stands below it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_ebpf.packets.pcap import read_pcap

MODULE = """
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from pytest_ebpf import TC

HEAD = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
SENT = HEAD / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=4001, dport=4002) / b"hello"

@pytest.fixture
def result(ebpf):
    return ebpf.load(Counter).programs.count.run(SENT)

def test_verdict(result):
    assert result.verdict == XDP.DROP

def test_verdict_of_several(result):
    assert result.verdict in (XDP.DROP, XDP.TX)

def test_verdict_of_another_type(result):
    assert result.verdict == TC.OK

def test_another_part(result):
    assert result.verdict == XDP.PASS and result.packet == Ether(bytes(SENT)) and result.data_size == 1

def test_packet(result):
    expected = SENT.copy()
    expected[IP].ttl, expected[UDP].dport = 63, 4003
    assert result.packet == Ether(bytes(expected))

def test_packet_as_scapy_compares(result):
    assert result.packet == SENT

def test_matches(result):
    expected = SENT.copy()
    expected[IP].ttl, expected[IP].id = 63, 7
    assert result.matches(SENT)
    assert result.matches(expected, ignore=["IP"])
    assert result.matches(expected, ignore=["IP.id"])

def test_checksum(ebpf):
    wrong = SENT.copy()
    wrong[UDP].chksum = 7
    assert ebpf.load(Counter).programs.count.run(wrong).matches(SENT)

def test_attached(ebpf):
    counter = ebpf.load(Counter)
    with counter.programs.count.attach(interface="lo", mode="generic"):
        pass
    assert counter.maps.stats[0].packets

def test_struct(ebpf, result):
    counter = ebpf.load(Counter)
    counter.programs.count.run(SENT)
    assert counter.maps.stats[0] == {"packets": 2, "bytes": 99}

def test_map(ebpf):
    stats = ebpf.load(Counter).maps.stats
    assert list(stats) == [{"packets": 0, "bytes": 1}, {"packets": 3, "bytes": 4}]

def test_many(ebpf):
    program = ebpf.load(Counter).programs.count
    program.run_many([bytes(64)] * 20)
    assert not program.run(bytes(600))
"""


@pytest.fixture
def outcome(shared_run):
    """One run of all that, on 6.12."""
    return shared_run("assertions", MODULE, "--ebpf-kernel", "6.12")


@pytest.fixture
def verbose(shared_run):
    """The same with all that there is to say."""
    return shared_run("assertions-vv", MODULE, "--ebpf-kernel", "6.12", "-vv")


def told(run, test):
    """The lines of the failure."""
    return [
        line.removeprefix("E").strip().removeprefix("AssertionError: ")
        for line in run.below(f"{test}[6.12]").splitlines()
        if line.startswith("E  ")
    ]


def test_verdicts_are_named(outcome):
    assert told(outcome, "test_verdict")[:2] == [
        "assert XDP.PASS == XDP.DROP",
        "verdict: XDP.PASS, expected XDP.DROP",
    ]
    assert (
        told(outcome, "test_verdict_of_several")[1] == "verdict: XDP.PASS, expected one of (XDP.DROP, XDP.TX)"
    )


def test_what_holds_is_not_told_as_a_difference(outcome):
    text = "\n".join(told(outcome, "test_another_part"))
    assert text.startswith("assert (XDP.PASS == XDP.PASS and ")
    assert "expected" not in text
    assert "as scapy compares" not in text


def test_a_verdict_of_another_type_of_program_is_told(outcome):
    assert told(outcome, "test_verdict_of_another_type")[1:3] == [
        "verdict: XDP.PASS, expected TC.OK",
        "TC has the verdicts of another type of program",
    ]


@pytest.mark.parametrize("run", ["outcome", "verbose"])
def test_packets_differ_field_by_field(request, run):
    assert told(request.getfixturevalue(run), "test_packet")[:4] == [
        "assert packet == expected: IP.ttl 64, expected 63 (and 1 more)",
        "field      expected  got   offset",
        "IP.ttl     63        64    22",
        "UDP.dport  4003      4002  36",
    ]


def test_packets_that_only_scapy_tells_apart_are_explained(outcome):
    assert told(outcome, "test_packet_as_scapy_compares")[1] == (
        "they are the same on the wire, but for fields that scapy has yet to fill in; "
        "write assert result.matches(expected)"
    )


def test_a_match_tells_what_differs_but_for_what_is_ignored(outcome):
    lines = told(outcome, "test_matches")
    assert lines[0] == "assert <not as expected: IP.ttl 64>"
    assert lines[-2:] == ["field   expected  got  offset", "IP.ttl  63        64   22"]


def test_a_wrong_checksum_is_told(outcome):
    lines = told(outcome, "test_checksum")
    assert lines[-1].startswith("UDP.chksum: 0x0007 is wrong; 0x")


def test_structs_and_maps_differ_field_by_field(outcome):
    assert told(outcome, "test_struct") == [
        "assert Counters == dict: packets: 1, expected 2 (and 1 more)",
        "packets: 1, expected 2",
        "bytes: 47, expected 99",
    ]
    assert told(outcome, "test_map") == [
        "assert list == list: [0].bytes: 0, expected 1 (and 1 more)",
        "[0].bytes: 0, expected 1",
        "[1]: missing, expected {'packets': 3, 'bytes': 4}",
    ]


def test_packets_given_are_below_the_failure_as_scapy_makes_them(outcome):
    lines = outcome.below("test_verdict[6.12]").splitlines()
    start = next(number for number, line in enumerate(lines) if "packets given last" in line)
    assert lines[start + 1] == (
        "1: Ether(dst='02:00:00:00:00:02', src='02:00:00:00:00:01')/IP(src='10.0.0.1', dst='10.0.0.2')"
        "/UDP(sport=4001, dport=4002)/Raw(load=b'hello')"
    )


def test_the_modes_of_xdp_are_below_the_failure(outcome):
    lines = outcome.below("test_attached[6.12]").splitlines()
    start = next(number for number, line in enumerate(lines) if "modes of XDP" in line)
    assert lines[start + 1] == 'counter: count on interface "lo": generic'
    assert "modes of XDP" not in outcome.below("test_verdict[6.12]")


def test_packets_given_are_kept_as_a_capture(outcome):
    (line,) = [
        each for each in outcome.below("test_many[6.12]").splitlines() if each.startswith("16 of 21 in ")
    ]
    frames = read_pcap(Path(line.removeprefix("16 of 21 in ")))
    assert [len(each) for each in frames] == [64] * 15 + [600]
    assert "\n21: 600 bytes\n" in outcome.below("test_many[6.12]")


def test_the_command_below_a_failure_runs_that_cell_alone(outcome):
    below = outcome.below("test_verdict[6.12]")
    command = below.rpartition("to run this again")[2].splitlines()[1]
    assert command == "pytest -p ebpf 'test_edge.py::test_verdict[6.12]' --ebpf-kernel 6.12"
    argv = [sys.executable, "-m", "pytest", *command.replace("'", "").split()[1:], "-p", "no:cacheprovider"]
    again = subprocess.run(argv, cwd=outcome.folder, capture_output=True, text=True, timeout=120, check=False)
    assert again.stdout.splitlines()[-1].strip("= ").startswith("1 failed in ")
