"""The ops of attaching as such: settings that are missing or mistyped, links that are none."""

from __future__ import annotations

import errno

import pytest

from pytest_ebpf.errors import GuestError
from pytest_ebpf.guest import CallError

pytestmark = pytest.mark.parametrize("line", ["6.12"], indirect=True)

#: For each way to attach: settings that are wrong, and what is said of them.
WRONG = [
    ("nowhere", {}, "how: no such way (nowhere)"),
    ("kprobe", {}, "function: missing"),
    ("kprobe", {"function": 1}, "function: not a str"),
    ("kprobe", {"function": "f" * 256}, "function: longer than 255 bytes (256)"),
    ("kprobe", {"function": "f", "offset": "x"}, "offset: not an unsigned integer"),
    ("kprobe", {"function": "f", "retprobe": 1}, "retprobe: not a bool"),
    ("kprobe_multi", {}, "functions: missing"),
    ("kprobe_multi", {"functions": "f"}, "functions: not a list"),
    ("kprobe_multi", {"functions": []}, "functions: not 1 to 1024 names (0)"),
    ("kprobe_multi", {"functions": ["f"] * 1025}, "functions: not 1 to 1024 names (1025)"),
    ("kprobe_multi", {"functions": ["f", 1]}, "functions: not a str"),
    ("kprobe_multi", {"pattern": 1}, "pattern: not a str"),
    ("ksyscall", {}, "name: missing"),
    ("tracepoint", {"category": "a"}, "name: missing"),
    ("tracepoint", {"name": "a"}, "category: missing"),
    ("raw_tracepoint", {}, "name: missing"),
    ("trace", {"cookie": "x"}, "cookie: not an unsigned integer"),
    ("uprobe", {}, "binary: missing"),
    ("uprobe", {"binary": "/init", "pid": "x"}, "pid: not an unsigned integer"),
    ("uprobe", {"binary": "/init", "pid": 2**31}, "pid: more than 2147483647 (2147483648)"),
    ("uprobe", {"binary": "/tmp"}, "binary: not a regular file (/tmp)"),
    ("uprobe_multi", {"binary": "/init"}, "functions: missing"),
    ("usdt", {"binary": "/init", "provider": "a"}, "name: missing"),
    ("perf_event", {}, "type: missing"),
    ("perf_event", {"type": 1}, "period, frequency: not just one of them is given"),
    (
        "perf_event",
        {"type": 1, "period": 1, "frequency": 1},
        "period, frequency: not just one of them is given",
    ),
    ("iter", {"map": 99999}, "map: no such handle (99999)"),
    ("iter", {"cgroup": "/nope"}, "cgroup: /nope"),
    ("iter", {"tid": 1, "pid": 1}, "map, cgroup, tid, pid: more than one of them is given"),
    ("freplace", {"target": 99999}, "target: no such handle (99999)"),
    ("kprobe", {"function": "f", "netns": "/nope"}, "netns: /nope"),
    ("kprobe", {"function": "f", "netns": "/proc/version"}, "netns: /proc/version"),
]


@pytest.fixture
def program(load_object):
    return load_object("links", autoload={"on_kprobe": True}).programs.on_kprobe


@pytest.mark.parametrize(("how", "settings", "what"), WRONG)
def test_settings_that_are_wrong(guest, program, how, settings, what):
    with pytest.raises(CallError) as caught:
        guest.call("attach", prog=program.handle, how=how, **settings)
    assert caught.value.details["what"] == what
    assert caught.value.errno in {errno.EINVAL, errno.ENOENT}


def test_the_agent_is_back_in_its_own_network(guest, program):
    """An attachment in another namespace that fails leaves it."""
    before = guest.call("read_file", path="/proc/net/dev")
    with pytest.raises(CallError):
        guest.call("attach", prog=program.handle, how="kprobe", function="nope", netns="/proc/1/ns/net")
    assert guest.call("read_file", path="/proc/net/dev").count(b"\n") == before.count(b"\n")


def test_a_program_without_an_object(guest):
    """libbpf attaches programs of objects only."""
    insns = bytes.fromhex("b7000000000000009500000000000000")
    made = guest.call("assemble", type=2, attach_type=0, insns=insns, license="GPL")
    with pytest.raises(CallError) as caught:
        guest.call("attach", prog=made["prog"], how="kprobe", function="do_nanosleep")
    assert caught.value.details["what"] == "prog: not of an object, which kprobe needs"


def test_a_map_that_is_none_of_struct_ops(guest, load_object):
    numbers = load_object("links").maps.numbers
    with pytest.raises(CallError) as caught:
        guest.call("attach_map", map=numbers.handle)
    assert caught.value.details["what"] == "map: not a map of struct_ops (type 1)"


def test_a_link_is_gone_when_it_was_detached(guest, program):
    link = guest.call("attach", prog=program.handle, how="kprobe", function="do_nanosleep")["link"]
    assert guest.call("link_info", link=link)["prog_id"] == program.id
    guest.call("detach", link=link)
    for op in ("detach", "link_info", "iter"):
        with pytest.raises(CallError) as caught:
            guest.call(op, link=link)
        assert caught.value.details["what"] == f"link: no such handle ({link})"


def test_a_link_goes_with_the_object_of_its_program(guest, load_object):
    loaded = load_object("links", autoload={"on_kprobe": True})
    link = loaded.programs.on_kprobe.attach()
    handle = link.handle
    loaded.close()
    assert not link.attached
    with pytest.raises(CallError):
        guest.call("link_info", link=handle)


def test_an_object_is_unloaded_with_what_is_attached(guest, load_object):
    """What the host did not detach, the agent does."""
    loaded = load_object("links", autoload={"on_kprobe": True})
    link = guest.call("attach", prog=loaded.programs.on_kprobe.handle, how="kprobe", function="do_nanosleep")
    guest.call("unload", object=loaded._handle)
    loaded._handle = None
    with pytest.raises(CallError):
        guest.call("link_info", link=link["link"])


def test_an_iterator_that_writes_more_than_its_limit(guest, load_object):
    loaded = load_object("links", autoload={"over_numbers": True})
    loaded.maps.numbers.update({number: number for number in range(4)})
    link = loaded.programs.over_numbers.attach(map="numbers")
    assert len(guest.call("iter", link=link.handle, limit=64)) == 64
    with pytest.raises(CallError) as caught:
        guest.call("iter", link=link.handle, limit=63)
    assert (caught.value.errno, caught.value.details["what"]) == (
        errno.EFBIG,
        "the iterator writes more than 63 bytes",
    )
    with pytest.raises(CallError) as caught:
        guest.call("iter", link=link.handle, limit=1 << 31)
    assert caught.value.details["what"] == "limit: more than 33554432 (2147483648)"


def test_a_link_that_is_no_iterator(guest, program):
    link = program.attach()
    with pytest.raises(GuestError) as caught:
        link.read()
    assert str(caught.value) == (
        "programs.on_kprobe: link: not one of an iterator (EINVAL: Invalid argument)"
    )


def test_another_program_in_the_place_of_the_first(load_object):
    loaded = load_object("links", autoload={"over_numbers": True, "over_numbers_as_text": True})
    loaded.maps.numbers.update({1: 2})
    link = loaded.programs.over_numbers.attach(map="numbers")
    link.update(loaded.programs.over_numbers_as_text)
    assert link.text() == "1=2\n"
    assert link.program is loaded.programs.over_numbers_as_text
