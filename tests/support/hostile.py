"""Calls on the agent that are right but for a few places: every operation, every argument of it.

However they are damaged, none waits for long and none takes from the guest what others of them need. What
they do is much all the same: only a guest may be asked. :func:`prepare` comes first, then :func:`calls`.
"""

from __future__ import annotations

import copy
import random
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Call = tuple[str, dict[str, Any]]

#: Numbers that readers stumble over.
NUMBERS = (0, 1, 7, 8, 255, 4096, 65536, *(2**n - 1 for n in (31, 32, 64)), *(2**n for n in (31, 32, 63)))
NEGATIVE = (-1, -(2**31), -(2**63))

#: What would go on for long with others. Waiting takes no number of milliseconds from 2**31 on.
NUMBERS_OF: Mapping[str, Sequence[int]] = {
    "repeat": (0, 1, 3),
    "batch_size": (0, 1, 64),
    "timeout_ms": (0, 1, 2**31, 2**32 - 1, 2**32),
    "period": (0, 10**9, 2**63, 2**64 - 1),
    "frequency": (0, 1, 2**63, 2**64 - 1),
    "max_entries": (0, 1, 3, 4096, 2**31, 2**32 - 1, 2**32),
}

#: A pipe that nobody writes to, and where maps are pinned.
FIFO = "/tmp/fifo"
PIN = "/sys/fs/bpf/pin"

STRINGS = (
    *("", "x", "/", "\u00e4", "a\0b", "n" * 300, "/" + "n" * 5000),
    *("/tmp/hostile", "/tmp/none/there", FIFO, "/proc/version", "/proc/kmsg", "/proc/self/ns/net"),
)
BYTES = (b"", b"\0", bytes(4), bytes(8), bytes(64), b"\xff" * 16, bytes(5000))
OTHERS = (None, True, False, 0.5, [], {}, [[]], [None], {"x": 1}, {1: 2}, [b"", 0, "x"])

#: ``r0 = 0; exit``
RETURN = struct.pack("<BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0)

READ, GETPID, MKNOD = 0, 39, 133
S_IFIFO = 0o10666
SOCKET_FILTER, XDP = 1, 6


@dataclass
class Handles:
    """The numbers that the agent gave out: of objects, and by name of programs, maps, links, processes."""

    objects: list[int] = field(default_factory=list)
    programs: dict[str, int] = field(default_factory=dict)
    maps: dict[str, int] = field(default_factory=dict)
    links: list[int] = field(default_factory=list)
    processes: list[int] = field(default_factory=list)


#: What to load of an object, by the name of its source.
WANTED: Mapping[str, Mapping[str, Any]] = {
    "maps": {},
    "events": {},
    "links": {"on_kprobe": {"autoload": True}, "over_numbers": {"autoload": True}},
    "modern": {},
}


def wanted(line: str) -> list[str]:
    """The objects that a kernel of this line loads."""
    return [name for name in WANTED if name != "modern" or line == "7.2"]


def prepare(call: Callable[..., Any], elfs: Mapping[str, bytes]) -> Handles:
    """Give the agent something to be hostile with: objects, a program, links, a worker, a command."""
    made = Handles()
    for name, elf in elfs.items():
        loaded = call("load", elf=elf, name=name, programs=WANTED[name])
        made.objects.append(loaded["object"])
        made.programs |= {
            each["name"]: each["prog"] for each in loaded["programs"] if each["prog"] is not None
        }
        made.maps |= {each["name"]: each["map"] for each in loaded["maps"] if each["map"] is not None}
    assembled = call("assemble", type=XDP, attach_type=0, insns=RETURN, license="GPL")
    made.programs["assembled"] = assembled["prog"]
    # in a row: on old kernels the agent keeps a network namespace for that
    call("run", prog=assembled["prog"], data=[bytes(64)] * 9)
    over = made.maps["numbers"]
    made.links.append(call("attach", prog=made.programs["over_numbers"], how="iter", map=over)["link"])
    made.links.append(
        call("attach", prog=assembled["prog"], how="xdp", interface="lo", mode="generic")["link"]
    )
    made.processes.append(call("spawn")["process"])
    return made


def dismissal(made: Handles, answers: Sequence[Any] = ()) -> list[Call]:
    """Calls that take back what :func:`prepare` made, and what *answers* tell of; some of it may be gone."""
    given = [answer for answer in answers if isinstance(answer, dict)]

    def numbers(key: str, known: Sequence[int]) -> list[int]:
        return [*(answer[key] for answer in given if key in answer), *known]

    processes = numbers("process", made.processes)
    return [
        *(("detach", {"link": number}) for number in numbers("link", made.links)),
        *(("kill", {"process": number}) for number in processes),
        *(("wait", {"process": number, "timeout_ms": 5000}) for number in processes),
        *(("unload", {"prog": number}) for number in numbers("prog", [made.programs["assembled"]])),
        *(("unload", {"object": number}) for number in numbers("object", made.objects)),
        ("unpin", {"path": PIN}),
    ]


def shapes(made: Handles, elfs: Mapping[str, bytes]) -> list[Call]:
    """Calls that the agent carries out, or that fail in the kernel: at least one for each operation."""
    maps, programs = made.maps, made.programs
    worker, link, xdp = made.processes[0], made.links[0], programs["assembled"]
    rule = bytes(16)
    return [
        ("hello", {}),
        (
            "load",
            {
                "elf": elfs["events"],
                "name": "hostile",
                "log_level": 0,
                "programs": {
                    "to_ring": {"autoload": True, "type": 3, "attach_type": 0},
                    "to_perf": {"autoload": False},
                },
                "maps": {
                    "ring": {"max_entries": 4096},
                    "perf": {"perf_pages": 2},
                    "small": {"reuse": maps["small"]},
                },
                "data": {".rodata": bytes(8)},
            },
        ),
        ("assemble", {"type": XDP, "attach_type": 0, "insns": RETURN, "license": "GPL", "flags": 0}),
        ("run", {"prog": programs["count"], "data": [bytes(64), None], "repeat": 1, "data_room": 100}),
        ("run", {"prog": programs["to_ring"], "data": [bytes(64)], "ctx": [bytes(192)], "ctx_room": 192}),
        ("run", {"prog": xdp, "data": [bytes(64)] * 9, "redirect": True, "flags": 0, "cpu": 0}),
        ("lookup", {"map": maps["rules"], "keys": [bytes(4)], "flags": 0}),
        ("update", {"map": maps["rules"], "keys": [bytes(4)] * 2, "values": [rule] * 2, "flags": 0}),
        ("update", {"map": maps["by_cpu"], "keys": [bytes(4)], "values": [bytes(16)]}),
        ("delete", {"map": maps["rules"], "keys": [bytes(4), b"\1" * 4]}),
        ("dump", {"map": maps["rules"], "limit": 2, "cursor": bytes(8)}),
        ("dump", {"map": maps["blocked"], "limit": 2, "after": bytes(8)}),
        ("push", {"map": maps["queue"], "value": bytes(12), "flags": 2}),
        ("pop", {"map": maps["queue"]}),
        ("peek", {"map": maps["stack"], "value": bytes(4)}),
        ("set_fd", {"map": maps["tails"], "key": bytes(4), "prog": programs["tail"], "front": b""}),
        ("set_fd", {"map": maps["tables"], "key": bytes(4), "inner": maps["first_table"]}),
        ("set_fd", {"map": maps["devices"], "key": bytes(4), "of": {"map": maps["rules"]}}),
        ("create", {"like": maps["tables"], "max_entries": 4}),
        ("ring", {"map": maps["ring"], "limit": 2, "timeout_ms": 1, "record_size": 8}),
        ("perf", {"map": maps["perf"], "limit": 2, "timeout_ms": 1}),
        ("user_ring", {"map": maps.get("from_user", maps["ring"]), "records": [b"x", bytes(64)]}),
        ("arena", {"map": maps.get("arena", maps["rules"]), "length": 8, "offset": 0}),
        ("arena", {"map": maps.get("arena", maps["rules"]), "data": bytes(8), "offset": 4096}),
        ("arena", {"map": maps.get("arena", maps["rules"])}),
        ("peek", {"map": maps.get("seen", maps["stack"]), "value": bytes(4)}),
        ("update_by", {"map": maps.get("of_tasks", maps["recent"]), "key_of": {"pid": 1}, "value": bytes(8)}),
        ("lookup_by", {"map": maps.get("of_tasks", maps["recent"]), "key_of": {"pid": 1}}),
        ("freeze", {"map": maps["totals"]}),
        ("map_info", {"map": maps["by_port"]}),
        ("pin", {"map": maps["rules"], "path": PIN}),
        ("unpin", {"path": PIN}),
        ("lookup_by", {"map": maps["recent"], "key_of": {"pid": 1}}),
        (
            "update_by",
            {"map": maps["recent"], "key_of": {"path": "/proc/version"}, "value": bytes(8), "flags": 0},
        ),
        ("delete_by", {"map": maps["recent"], "key_of": {"process": worker, "fd": 0}}),
        ("printk", {"clear": True}),
        ("prog_info", {"prog": programs["count"]}),
        ("probe", {"prog_type": XDP, "helper": 1}),
        ("probe", {"map_type": 1}),
        ("probe", {"link": 42}),
        ("klog", {"clear": True}),
        ("read_file", {"path": "/proc/version", "limit": 4096}),
        (
            "write_file",
            {"path": "/tmp/x", "data": b"x", "mode": 0o644, "parents": True, "append": True, "replace": True},
        ),
        ("write_file", {"path": "/tmp/y", "data": b"/tmp/x", "link": True}),
        ("wake", {"entropy": bytes(32), "realtime_ns": 0}),
        ("attach", {"prog": programs["on_kprobe"], "how": "kprobe", "function": "do_nanosleep", "cookie": 0}),
        ("attach", {"prog": programs["on_kprobe"], "how": "kprobe_multi", "functions": ["do_nanosleep"]}),
        (
            "attach",
            {"prog": programs["on_kprobe"], "how": "kprobe_multi", "pattern": "do_nanos*", "session": False},
        ),
        ("attach", {"prog": programs["on_kprobe"], "how": "ksyscall", "name": "umask", "retprobe": True}),
        (
            "attach",
            {"prog": programs["on_kprobe"], "how": "uprobe", "binary": "/init", "offset": 64, "pid": 1},
        ),
        (
            "attach",
            {"prog": programs["on_kprobe"], "how": "uprobe_multi", "binary": "/init", "functions": ["x"]},
        ),
        (
            "attach",
            {"prog": programs["on_kprobe"], "how": "usdt", "binary": "/init", "provider": "a", "name": "b"},
        ),
        ("attach", {"prog": programs["on_kprobe"], "how": "tracepoint", "category": "syscalls", "name": "x"}),
        (
            "attach",
            {"prog": programs["on_kprobe"], "how": "raw_tracepoint", "name": "sys_enter", "cookie": 0},
        ),
        ("attach", {"prog": programs["on_kprobe"], "how": "trace", "cookie": 0}),
        ("attach", {"prog": programs["on_kprobe"], "how": "freplace", "target": xdp, "function": "x"}),
        (
            "attach",
            {"prog": programs["on_kprobe"], "how": "perf_event", "type": 1, "config": 0, "period": 10**9},
        ),
        ("attach", {"prog": programs["over_numbers"], "how": "iter", "map": maps["numbers"]}),
        ("attach", {"prog": programs["over_numbers"], "how": "iter", "cgroup": "/tmp"}),
        ("attach", {"prog": programs["over_numbers"], "how": "iter", "tid": 1}),
        (
            "attach",
            {"prog": xdp, "how": "xdp", "interface": "lo", "mode": "generic", "netns": "/proc/self/ns/net"},
        ),
        (
            "attach",
            {"prog": programs["to_ring"], "how": "tc", "interface": 1, "point": "ingress", "priority": 1},
        ),
        ("attach", {"prog": programs["to_ring"], "how": "tcx", "interface": "lo", "attach_type": 46}),
        ("attach", {"prog": programs["to_ring"], "how": "netkit", "interface": "lo"}),
        ("attach", {"prog": programs["to_ring"], "how": "netfilter", "pf": 2, "hook": 0, "priority": -1}),
        ("attach", {"prog": programs["to_ring"], "how": "netns"}),
        ("attach", {"prog": programs["to_ring"], "how": "cgroup", "cgroup": "/tmp", "flags": 2}),
        ("attach", {"prog": programs["to_ring"], "how": "sockmap", "map": maps["rules"], "attach_type": 5}),
        ("attach_map", {"map": maps["rules"]}),
        ("link_info", {"link": link}),
        ("link_update", {"link": link, "prog": programs["over_numbers"]}),
        ("iter", {"link": link, "limit": 4096}),
        ("modules", {"names": ["dummy", "no_such_module"]}),
        (
            "spawn",
            {
                "name": "hostile",
                "uid": 1,
                "gid": 1,
                "groups": [1, 2],
                "caps": 3,
                "netns": "/proc/self/ns/net",
            },
        ),
        (
            "sys",
            {
                "process": worker,
                "calls": [
                    [GETPID, []],
                    [READ, [0, [16, True], 16]],
                    [GETPID, [{"ret": 0}, b"x", None, [b"y"]]],
                ],
                "timeout_ms": 5000,
            },
        ),
        ("sys", {"process": worker, "calls": [[MKNOD, [FIFO.encode() + b"\0", S_IFIFO, 0]]]}),
        ("give", {"process": worker, "of": {"prog": xdp}}),
        ("give", {"process": worker, "of": {"link": link}}),
        (
            "exec",
            {
                "argv": ["/nope", "x"],
                "env": {"A": "b"},
                "cwd": "/",
                "stdin": b"x",
                "output_limit": 10,
                "uid": 1,
            },
        ),
        ("exec", {"argv": ["agent"], "path": "/init", "output_limit": 100}),
        ("wait", {"process": worker, "timeout_ms": 1}),
        ("kill", {"process": worker, "signal": 0}),
    ]


def endings(made: Handles) -> list[Call]:
    """Calls after which a handle is gone, to be made seldom."""
    return [
        ("detach", {"link": made.links[-1]}),
        ("kill", {"process": made.processes[-1]}),
        ("unload", {"object": made.objects[-1]}),
        ("unload", {"prog": made.programs["assembled"]}),
    ]


def calls(chance: random.Random, made: Handles, elfs: Mapping[str, bytes], count: int) -> Iterator[Call]:
    """Give *count* calls: of each shape in turn with one to three wounds, and now and then one without."""
    whole = shapes(made, elfs)
    last = endings(made)
    for number in range(count):
        seldom = number > count // 2 and chance.randrange(100) == 0
        op, args = copy.deepcopy(chance.choice(last) if seldom else whole[number % len(whole)])
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            _wound(chance, args)
        yield op, args


def _wound(chance: random.Random, args: dict[str, Any]) -> None:
    """Change one place of *args*: a value, or whether it is there."""
    places = list(_places(args))
    if not places or chance.randrange(20) == 0:
        args[chance.choice(("x", "map", "prog", "limit", "timeout_ms"))] = _other(chance, "x", 0)
        return
    key, holder, at = chance.choice(places)
    what = chance.randrange(12)
    if what == 0:
        del holder[at]
    elif what == 1 and isinstance(holder, list):
        holder.extend(copy.deepcopy(holder[at : at + 1]) * chance.choice((1, 2, 70)))
    else:
        holder[at] = _other(chance, key, holder[at])


def _places(value: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """All places of a value: the argument they are in, what holds them, and where. No number of a call."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for at, each in pairs:
        name = key or str(at)
        if not (isinstance(value, list) and at == 0 and each in (READ, GETPID, MKNOD) and len(value) == 2):
            yield name, value, at
        yield from _places(each, name)


def _other(chance: random.Random, key: str, value: Any) -> Any:
    """Another value in the place of this one, most of the time of the same type."""
    if chance.randrange(5) == 0:
        return copy.deepcopy(chance.choice(OTHERS))
    if isinstance(value, bytes) and value and chance.randrange(2):
        at = chance.randrange(len(value))
        return value[:at] + chance.randbytes(chance.randrange(3)) + value[at + 1 :]
    pools: list[Sequence[Any]] = [NUMBERS_OF.get(key, (*NUMBERS, *NEGATIVE)), STRINGS, BYTES]
    kind = 1 if isinstance(value, str) else 2 if isinstance(value, bytes) else 0
    return chance.choice(pools[kind if chance.randrange(4) else chance.randrange(3)])
