"""What a kernel can do, found by trying it."""

from __future__ import annotations

import gc

import pytest

from pytest_ebpf.bpf.maps.kinds import possible_cpus
from pytest_ebpf.bpf.probe import UNKNOWN, Probes, probes_of
from pytest_ebpf.bpf.running import testrun
from pytest_ebpf.errors import GuestError, UnsupportedError
from pytest_ebpf.guest import Guest
from pytest_ebpf.uapi import MapType, ProgType

FRAME = bytes(12) + b"\x08\x00\x45\x00\x00\x14" + bytes(46)
ONE = pytest.mark.parametrize("line", ["6.12"], indirect=True)


def test_program_types_map_types_and_helpers(guest, line):
    probes = Probes(guest)
    old = line == "5.10"
    assert probes.has(prog_type=ProgType.XDP) is True
    assert probes.has(prog_type=ProgType.SYSCALL) is not old
    assert probes.has(map_type=MapType.BLOOM_FILTER) is not old
    assert probes.has(prog_type=ProgType.XDP, helper=208) is not old  # bpf_ktime_get_tai_ns


def test_lengths_of_packets(guest, line):
    probes = Probes(guest)
    assert probes.run(ProgType.SCHED_CLS, [FRAME, b"", FRAME]) == [0, 22, 0]
    assert probes.shortest(ProgType.SCHED_CLS, b"", 64) == 14
    assert probes.longest(ProgType.XDP, FRAME + bytes(5000)) == (3520 if line == "5.10" else 5064)


@ONE
def test_a_packet_no_length_of_which_is_taken(guest):
    probes = Probes(guest)
    assert probes.shortest(ProgType.XDP, b"", 13) is None
    assert probes.longest(ProgType.KPROBE, FRAME + FRAME) is None


@ONE
def test_what_cannot_be_told(guest):
    probes = Probes(guest)
    assert probes.has(prog_type=999) is None
    assert probes.run(999, [FRAME, FRAME]) == [UNKNOWN, UNKNOWN]


@ONE
def test_a_question_is_asked_once(guest):
    probes = probes_of(guest)
    assert probes.has(prog_type=ProgType.XDP) is True
    probes._call = None
    assert probes_of(guest).has(prog_type=ProgType.XDP) is True


@ONE
def test_another_guest_is_asked_again(machine):
    first, second = (Guest(machine, timeout=60) for _ in range(2))
    assert probes_of(first) is not probes_of(second)
    del first, second
    gc.collect()


@ONE
def test_a_type_that_the_kernel_does_not_run(load_object, guest, monkeypatch):
    """No kernel runs a kprobe program, and says so as an older one does of a type that newer ones run."""
    monkeypatch.setitem(testrun.RULES, ProgType.KPROBE, testrun.RunRules())
    program = load_object("types", autoload={"traced": True}).programs.traced
    with pytest.raises(UnsupportedError) as caught:
        program.run(FRAME)
    assert str(caught.value) == (
        "programs.traced: this kernel cannot run kprobe programs by themselves "
        "(ENOTSUPP: operation is not supported); attach it and trigger what it is attached to"
    )


@ONE
def test_a_refusal_without_a_cause(load_object, guest):
    """A CPU that does not exist is no matter of types, packets or contexts."""
    program = load_object("types", autoload={"raw": True}).programs.raw
    with pytest.raises(GuestError) as caught:
        program.run(context=[1], flags=1, cpu=4096)
    assert str(caught.value) == (
        "programs.raw: this kernel does not run this (ENXIO: No such device or address)"
    )


@ONE
def test_possible_cpus(guest):
    assert possible_cpus(guest) == 2
