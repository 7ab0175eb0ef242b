"""What a test may ask of the agent without end: it takes part of it, and says what was too much."""

from __future__ import annotations

import errno
import struct

import pytest

from pytest_ebpf.guest import CallError
from pytest_ebpf.uapi import ProgType

#: ``r0 = 0; exit``
RETURN = struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)

PRLIMIT64, MKNOD, RLIMIT_NOFILE, FIFO = 302, 133, 7, 0o10600

latest = pytest.mark.parametrize("line", ["7.2"], indirect=True)


def refusal(guest, op, **args):
    with pytest.raises(CallError) as caught:
        guest.call(op, **args)
    return caught.value.errno, caught.value.details["what"]


@latest
def test_a_thousand_maps_and_more(guest, load_object, system):
    """The kernel gives init 1024 descriptors, and init as many to what it starts."""
    outer = load_object("maps").maps.tables.handle
    made = guest.batch([("create", {"like": outer})] * 1500)
    assert [answer for answer in made if isinstance(answer, CallError)] == []
    assert system.run(["ls", "/proc/self/fd"]).stdout.split() == ["0", "1", "2", "3"]


@latest
def test_a_process_has_the_usual_number_of_descriptors(worker):
    limits = [0, RLIMIT_NOFILE, None, [16]]
    ((_, (back,)),) = worker.guest.call("sys", process=worker.handle, calls=[[PRLIMIT64, limits]])
    assert struct.unpack("<QQ", back) == (1024, 4096)


@latest
def test_a_value_that_is_longer_than_a_batch(guest, vm_objects):
    size = (32 << 20) + 8
    shape = {"totals": {"max_entries": 1, "value_size": size}}
    programs = {name: {"autoload": False} for name in ("tail", "count")}
    loaded = guest.call(
        "load", elf=vm_objects("maps").read_bytes(), name="maps", maps=shape, programs=programs
    )
    totals = next(each["map"] for each in loaded["maps"] if each["name"] == "totals")
    page = guest.call("dump", map=totals)
    assert page == {"items": [[bytes(4), bytes(size)]], "more": False, "cursor": None}
    guest.call("unload", object=loaded["object"])


@pytest.mark.parametrize("name", ["events", "queue"])
def test_a_map_without_keys_is_not_dumped(guest, load_object, name):
    handle = load_object("maps").maps[name].handle
    assert refusal(guest, "dump", map=handle)[1] == "the kernel gives no next key"


def test_an_iterator_without_end(guest, load_object):
    loaded = load_object("endless")
    link = loaded.programs.again.attach(map="numbers")
    assert refusal(guest, "iter", link=link.handle) == (
        errno.ETIMEDOUT,
        "the iterator writes nothing for 5000 ms, and goes on",
    )


@latest
def test_an_assembled_program_can_be_unloaded(guest, load_object):
    def assemble():
        return guest.call("assemble", type=ProgType.XDP, attach_type=0, insns=RETURN, license="GPL")["prog"]

    first = assemble()
    assert guest.call("unload", prog=first) is None
    assert refusal(guest, "unload", prog=first) == (errno.ENOENT, f"prog: no such handle ({first})")
    loaded = load_object("maps")
    what = f"prog: goes with its object ({loaded._handle})"
    assert refusal(guest, "unload", prog=loaded.programs.count.handle) == (errno.EINVAL, what)
    assert guest.call("run", prog=assemble(), data=[bytes(64)])[0][:2] == [0, 0]


@latest
def test_a_pipe_is_no_network_namespace(guest, worker):
    worker.calls((MKNOD, b"/tmp/pipe\0", FIFO, 0))
    prog = guest.call("assemble", type=ProgType.XDP, attach_type=0, insns=RETURN, license="GPL")["prog"]
    wrong = refusal(guest, "attach", prog=prog, how="xdp", interface="lo", netns="/tmp/pipe")
    assert wrong == (errno.EINVAL, "netns: /tmp/pipe")
