"""Every operation with arguments missing, mistyped or out of bounds: an errno and a text that names them.

Nothing here reaches the kernel's bpf(2).
"""

import errno
import itertools
import random
import struct

import msgpack
import pytest

from pytest_ebpf import paths

MISSING_HANDLE = 12345

#: For each operation, its required arguments in the order they are looked at, with what is wrong about a
#: value of another type.
REQUIRED = {
    "load": {"elf": "not bin", "name": "not a str"},
    "unload": {"object": "not an unsigned integer"},
    "assemble": {
        "type": "not an unsigned integer",
        "attach_type": "not an unsigned integer",
        "insns": "not bin",
        "license": "not a str",
    },
    "run": {"prog": "not an unsigned integer"},
    "lookup": {"map": "not an unsigned integer"},
    "update": {"map": "not an unsigned integer"},
    "delete": {"map": "not an unsigned integer"},
    "dump": {"map": "not an unsigned integer"},
    "push": {"map": "not an unsigned integer"},
    "pop": {"map": "not an unsigned integer"},
    "peek": {"map": "not an unsigned integer"},
    "set_fd": {"map": "not an unsigned integer"},
    "create": {"like": "not an unsigned integer"},
    "ring": {"map": "not an unsigned integer"},
    "perf": {"map": "not an unsigned integer"},
    "user_ring": {"map": "not an unsigned integer"},
    "arena": {"map": "not an unsigned integer"},
    "data": {"map": "not an unsigned integer"},
    "freeze": {"map": "not an unsigned integer"},
    "map_info": {"map": "not an unsigned integer"},
    "lookup_by": {"map": "not an unsigned integer"},
    "update_by": {"map": "not an unsigned integer"},
    "delete_by": {"map": "not an unsigned integer"},
    "unpin": {"path": "not a str"},
    "prog_info": {"prog": "not an unsigned integer"},
    "attach": {"prog": "not an unsigned integer"},
    "attach_map": {"map": "not an unsigned integer"},
    "detach": {"link": "not an unsigned integer"},
    "link_info": {"link": "not an unsigned integer"},
    "link_update": {"link": "not an unsigned integer"},
    "iter": {"link": "not an unsigned integer"},
    "read_file": {"path": "not a str"},
    "write_file": {"path": "not a str", "data": "not bin"},
    "sys": {"process": "not an unsigned integer"},
    "give": {"process": "not an unsigned integer"},
    "wait": {"process": "not an unsigned integer"},
    "kill": {"process": "not an unsigned integer"},
}

GOOD = {
    "elf": b"not an object",
    "name": "x",
    "type": 1,
    "attach_type": 0,
    "insns": b"",
    "license": "GPL",
    "path": "/nonexistent/file",
    "data": b"",
}
SMALLEST = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, int); __type(value, long); __uint(max_entries, 8); }
counts SEC(".maps");
const volatile int limit = 3;
SEC("xdp") int pass(void *ctx) { int key = limit; return bpf_map_lookup_elem(&counts, &key) ? 1 : 2; }
char _license[] SEC("license") = "GPL";
"""

HANDLES = {"object", "prog", "map", "like", "process"}
REQUIRED_CASES = [(op, name) for op, args in REQUIRED.items() for name in args]


def arguments_before(op, name):
    """Good values for all arguments of *op* that are looked at before *name*."""
    return {other: GOOD[other] for other in itertools.takewhile(lambda other: other != name, REQUIRED[op])}


@pytest.mark.parametrize(("op", "name"), REQUIRED_CASES)
def test_a_required_argument_is_missing(stdio_agent, op, name):
    args = arguments_before(op, name)
    assert stdio_agent.what(op, **args) == (errno.EINVAL, f"{name}: missing")
    assert stdio_agent.what(op, **args, **{name: None}) == (errno.EINVAL, f"{name}: missing")


@pytest.mark.parametrize(("op", "name"), REQUIRED_CASES)
def test_a_required_argument_is_of_another_type(stdio_agent, op, name):
    for value in (1.5, -1, True, [], {}):
        args = {**arguments_before(op, name), name: value}
        assert stdio_agent.what(op, **args) == (errno.EINVAL, f"{name}: {REQUIRED[op][name]}")


@pytest.mark.parametrize(("op", "name"), [case for case in REQUIRED_CASES if case[1] in HANDLES])
def test_a_handle_that_was_never_given_out(stdio_agent, op, name):
    what = f"{name}: no such handle ({MISSING_HANDLE})"
    assert stdio_agent.what(op, **{name: MISSING_HANDLE}) == (errno.ENOENT, what)


def test_a_number_of_more_than_32_bits(stdio_agent):
    what = "prog: more than 32 bits (4294967296)"
    assert stdio_agent.what("prog_info", prog=1 << 32) == (errno.EINVAL, what)


@pytest.mark.parametrize(
    ("args", "what"),
    [
        ({}, "prog_type, map_type, link: not just one of them is given"),
        ({"prog_type": 1, "map_type": 1}, "prog_type, map_type, link: not just one of them is given"),
        ({"map_type": 1, "helper": 1}, "helper: needs prog_type"),
        ({"map_type": "hash"}, "map_type: not an unsigned integer"),
    ],
)
def test_probe_wants_a_program_type_or_a_map_type(stdio_agent, args, what):
    assert stdio_agent.what("probe", **args) == (errno.EINVAL, what)


@pytest.mark.parametrize("size", [0, 1, 7, 9])
def test_assemble_wants_whole_instructions(stdio_agent, size):
    what = f"insns: not a number of instructions ({size} bytes)"
    assert stdio_agent.what("assemble", type=1, attach_type=0, insns=bytes(size), license="GPL") == (
        errno.EINVAL,
        what,
    )


def test_assemble_bounds_the_license(stdio_agent):
    what = "license: longer than 127 bytes (200)"
    assert stdio_agent.what("assemble", type=1, attach_type=0, insns=bytes(8), license="G" * 200) == (
        errno.EINVAL,
        what,
    )


class TestLoad:
    """Failures between the request and the kernel: the file, and settings that do not fit it."""

    def refused(self, agent, **args):
        status, value = agent.call("load", **args)
        assert set(value) == {"what", "program", "map", "log"}
        assert (value["program"], value["map"]) == (None, None)
        return status, value["what"], value["log"]

    def test_what_is_no_object(self, stdio_agent):
        status, what, log = self.refused(stdio_agent, elf=b"hello", name="x")
        assert (status, log) == (errno.ENOEXEC, "libbpf: elf: 'x' is not a proper ELF object\n")
        assert what == "x: libbpf cannot open it"

    def test_an_empty_file(self, stdio_agent):
        status, what, _ = self.refused(stdio_agent, elf=b"", name="x")
        assert (status, what) == (errno.EINVAL, "x: libbpf cannot open it")

    def test_a_log_that_is_not_utf8_is_repaired(self, stdio_agent):
        stdio_agent.send_frame(b"\x92\x01\x91\x92\xa4load\x82\xa3elf\xc4\x01x\xa4name\xa4\xc3\xa4\xff\xe2")
        ((status, value),) = stdio_agent.receive()[1]
        assert status == errno.ENOEXEC
        assert value["what"].startswith("\u00e4??: ")
        assert "'\u00e4??'" in value["log"]

    def test_an_object_cut_short_or_damaged_is_refused_or_opens(self, stdio_agent, compile_bpf):
        """Opening is user space only; a setting that cannot be stops what opens before it is loaded."""
        whole = compile_bpf(SMALLEST).read_bytes()
        chance = random.Random(7)
        for _ in range(60):
            broken = bytearray(whole[: chance.randrange(len(whole))])
            for _ in range(chance.randrange(8)):
                if broken:
                    broken[chance.randrange(len(broken))] = chance.randrange(256)
            self.refused(stdio_agent, elf=bytes(broken), name="x", programs={"": {}})

    @pytest.mark.parametrize(
        ("args", "status", "what"),
        [
            ({"programs": []}, errno.EINVAL, "programs: not a map"),
            ({"programs": {1: {}}}, errno.EINVAL, "programs: not a str"),
            ({"programs": {"x" * 200: {}}}, errno.EINVAL, "programs: longer than 127 bytes (200)"),
            ({"programs": {"pass": 1}}, errno.EINVAL, "programs.pass: not a map"),
            ({"programs": {"nope": {}}}, errno.ENOENT, "programs.nope: the object has no such program"),
            ({"programs": {"pass": {"autoload": 1}}}, errno.EINVAL, "programs.pass.autoload: not a bool"),
            (
                {"programs": {"pass": {"type": "xdp"}}},
                errno.EINVAL,
                "programs.pass.type: not an unsigned integer",
            ),
            (
                {"programs": {"pass": {"attach_type": -1}}},
                errno.EINVAL,
                "programs.pass.attach_type: not an unsigned integer",
            ),
            ({"programs": {"pass": {"target": 5}}}, errno.EINVAL, "programs.pass.target: not a str"),
            ({"maps": 1}, errno.EINVAL, "maps: not a map"),
            ({"maps": {"counts": []}}, errno.EINVAL, "maps.counts: not a map"),
            ({"maps": {"nope": {}}}, errno.ENOENT, "maps.nope: the object has no such map"),
            (
                {"maps": {"counts": {"max_entries": "many"}}},
                errno.EINVAL,
                "maps.counts.max_entries: not an unsigned integer",
            ),
            (
                {"maps": {"counts": {"value_size": 1 << 40}}},
                errno.EINVAL,
                "maps.counts.value_size: more than 32 bits (1099511627776)",
            ),
            ({"maps": {"counts": {"inner": 1}}}, errno.EINVAL, "maps.counts.inner: not a str"),
            (
                {"maps": {"counts": {"inner": "nope"}}},
                errno.ENOENT,
                "maps.counts.inner: the object has no such map (nope)",
            ),
            (
                {"maps": {"counts": {"inner": "counts"}}},
                errno.EINVAL,
                "maps.counts.inner: this is no map of maps (type 1)",
            ),
            (
                {"maps": {"counts": {"reuse": "counts"}}},
                errno.EINVAL,
                "maps.counts.reuse: not an unsigned integer",
            ),
            ({"maps": {"counts": {"reuse": 7}}}, errno.ENOENT, "maps.counts.reuse: no such handle (7)"),
            ({"maps": {"counts": {"pin": True}}}, errno.EINVAL, "maps.counts.pin: not a str"),
            (
                {"maps": {"counts": {"perf_pages": 8}}},
                errno.EINVAL,
                "maps.counts.perf_pages: this is no perf_event_array (type 1)",
            ),
            ({"data": 1}, errno.EINVAL, "data: not a map"),
            ({"data": {".rodata": "text"}}, errno.EINVAL, "data..rodata: not bin"),
            ({"data": {".bss": b""}}, errno.ENOENT, "data..bss: the object has no such global data"),
            ({"data": {"counts": b""}}, errno.ENOENT, "data.counts: the object has no such global data"),
            ({"data": {".rodata": b"12345"}}, errno.EINVAL, "data..rodata: 5 bytes for a section of 4"),
            ({"data": {"x.rodata": b""}}, errno.EINVAL, "data.x.rodata: 0 bytes for a section of 4"),
        ],
    )
    def test_a_setting_that_does_not_fit(self, stdio_agent, compile_bpf, args, status, what):
        elf = compile_bpf(SMALLEST).read_bytes()
        assert self.refused(stdio_agent, elf=elf, name="x", **args)[:2] == (status, what)

    @pytest.mark.parametrize("pages", [3, 8192])
    def test_buffers_of_an_odd_size(self, stdio_agent, compile_bpf, pages):
        perf = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); }
        events SEC(".maps");
        """
        elf = compile_bpf(perf).read_bytes()
        what = f"maps.events.perf_pages: not a power of two up to 4096 ({pages})"
        maps = {"events": {"perf_pages": pages}}
        assert self.refused(stdio_agent, elf=elf, name="x", maps=maps)[:2] == (errno.EINVAL, what)


def damaged_requests(count):
    """Requests with random operations and arguments, whole or with a few bytes changed. Seeded."""
    chance = random.Random(20261120)
    names = sorted({name for args in REQUIRED.values() for name in args} | {"keys", "values", "ctx", "key"})
    values = [
        None,
        True,
        0,
        1,
        -1,
        1 << 31,
        1 << 40,
        0.5,
        "",
        "x",
        b"",
        b"x" * 9,
        [],
        [None, b"x"],
        {},
        {"a": {}},
    ]
    # Only operations that cannot get past a handle or an object that is none.
    ops = [op for op in REQUIRED if op not in {"assemble", "write_file"}]
    for _ in range(count):
        calls = [
            [chance.choice(ops), {name: chance.choice(values) for name in chance.sample(names, 6)}]
            for _ in range(chance.randrange(4))
        ]
        body = bytearray(msgpack.packb([chance.randrange(1 << 32), calls]))
        for _ in range(chance.choice((0, 0, 1, 3))):
            body[chance.randrange(len(body))] = chance.randrange(256)
        yield bytes(body)


def test_damaged_requests_are_answered_or_end_the_agent_in_good_order(agent_asan, make_agent):
    agent, answered, ended = make_agent(), 0, 0
    for body in damaged_requests(1500):
        agent.send_frame(body)
        if agent.receive() is not None:
            answered += 1
            continue
        status, errors = agent.finish()
        assert status == 2, errors
        assert "Sanitizer" not in errors
        agent, ended = make_agent(), ended + 1
    assert agent.finish() == (0, "")
    assert answered > 500
    assert ended > 50


def test_random_bytes_end_the_agent_in_good_order(make_agent):
    chance = random.Random(2)
    for _ in range(100):
        agent = make_agent()
        agent.send(struct.pack("<I", 64) + chance.randbytes(64))
        status, errors = agent.finish()
        assert (status, errors.count("\n")) == (2, 1), errors


def test_the_agent_itself_is_one_static_program():
    head = paths.agent().read_bytes()
    assert head[:4] == b"\x7fELF"
    assert b"/ld-linux" not in head[:4096], "an interpreter: it is not static"
    assert len(head) < 2 << 20
