"""XDP runs in a row: on old kernels the program is attached from the eighth on, which nobody may notice."""

from __future__ import annotations

from pytest_ebpf.uapi import XDP, AttachType, ProgType

PACKET = bytes(64)

#: ``r0 = 2; exit``.
PASS = bytes([0xB7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0])

SHORT, LONG = 7, 64


def assemble(guest, attach_type=0):
    made = guest.call("assemble", type=ProgType.XDP, attach_type=attach_type, insns=PASS, license="GPL")
    return made["prog"]


def outcomes(guest, prog, count):
    """The distinct (errno, verdict) pairs of *count* runs in one list."""
    return {(status, verdict) for status, verdict, *_ in guest.call("run", prog=prog, data=[PACKET] * count)}


def links(guest):
    """What the kernel says of each attachment that the agent holds open."""
    files = guest.batch([("read_file", {"path": f"/proc/self/fdinfo/{number}"}) for number in range(64)])
    return [each for each in files if isinstance(each, bytes) and b"link_type" in each]


def test_a_long_list_gives_what_a_short_one_gives(guest):
    prog = assemble(guest)
    assert outcomes(guest, prog, SHORT) == {(0, XDP.PASS)}
    for _ in range(2):
        assert outcomes(guest, prog, LONG) == {(0, XDP.PASS)}


def test_a_row_of_single_runs(guest):
    prog = assemble(guest)
    assert [outcomes(guest, prog, 1) for _ in range(20)] == [{(0, XDP.PASS)}] * 20


def test_the_attachment_goes_with_its_program(guest, line, vm_objects):
    wanted = {"xdp_answer": {"autoload": True}}
    loaded = guest.call("load", elf=vm_objects("types").read_bytes(), name="types", programs=wanted)
    prog = next(each["prog"] for each in loaded["programs"] if each["name"] == "xdp_answer")
    outcomes(guest, prog, LONG)
    assert len(links(guest)) == (1 if line == "5.10" else 0)
    guest.call("unload", object=loaded["object"])
    assert links(guest) == []


def test_programs_take_turns(guest):
    first, second = assemble(guest), assemble(guest)
    for prog in (first, second, first):
        assert outcomes(guest, prog, LONG) == {(0, XDP.PASS)}


def test_a_program_that_cannot_be_attached_runs_as_it_does_alone(guest):
    prog = assemble(guest, AttachType.XDP_CPUMAP)
    assert outcomes(guest, prog, LONG) == outcomes(guest, prog, 1)


def test_the_agent_stays_in_its_network_namespace(guest):
    guest.call("write_file", path="/proc/sys/net/ipv4/ip_default_ttl", data=b"77")
    outcomes(guest, assemble(guest), LONG)
    assert guest.call("read_file", path="/proc/sys/net/ipv4/ip_default_ttl") == b"77\n"
    guest.call("write_file", path="/proc/sys/net/ipv4/ip_default_ttl", data=b"64")
