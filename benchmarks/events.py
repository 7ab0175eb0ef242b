"""Events of programs: how quickly a ring buffer is read, and what a whole test of a tracepoint takes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.machines import KERNELS, PACKET, TIMEOUT, recipe
from benchmarks.measure import difference, interleaved, seconds
from benchmarks.result import Bar, Result
from benchmarks.translation import translated
from pytest_ebpf import paths
from pytest_ebpf.bpf import LoadedObject, LoadOptions, load
from pytest_ebpf.bpf.loading.alternatives import Choice
from pytest_ebpf.guest import Guest
from pytest_ebpf.machine.shelf import Shelf
from pytest_ebpf.machine.snapshot import Snapshot, restore
from pytest_ebpf.machine.template import Template, make
from pytest_ebpf.session.prepared import Prepared
from pytest_ebpf.session.workspace import Workspace
from pytest_ebpf.system.system import System

TRACEPOINT: Final = Bar(60, "ms")

#: Events of a round, and those of them that a program sends before they are read. The ring holds twice that.
EVENTS: Final = 100_000
AT_ONCE: Final = 10_000
ROUNDS: Final = 15

_MANIFEST: Final = """\
[project]
name = "events"
license = "GPL"
kernels = ["6.12"]

[types.event]
struct = { number = "u64", pid = "u64" }

[globals.sent]
type = "u64"
value = 0
const = false

[maps.events]
type = "ringbuf"
max_entries = 524288
records = "event"

[objects.events]
source = "events.bpf.c"
programs.send = { hook = "xdp" }
programs.opened = { hook = "tracepoint/syscalls/sys_enter_openat" }
"""

_SOURCE: Final = """\
#include "ebpf.h"

static __always_inline int tell(__u64 pid)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	event->number = sent++;
	event->pid = pid;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("xdp") int send(struct xdp_md *ctx)
{
	return tell(0);
}

SEC("tracepoint/syscalls/sys_enter_openat") int opened(struct trace_event_raw_sys_enter *ctx)
{
	return tell(bpf_get_current_pid_tgid() >> 32);
}
"""


@dataclass(frozen=True)
class _Loader:
    """Has the guest load an object and keeps the *calls*; or gives the *answer* that it gave before."""

    guest: Guest
    answer: dict[str, Any] | None = None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def load(self, arguments: dict[str, Any], modules: Sequence[str]) -> dict[str, Any]:
        assert not modules
        self.calls.append(("load", arguments))
        return self.answer or self.guest.call("load", **arguments)

    def choice(self, options: LoadOptions, choose: Callable[[LoadOptions], Choice]) -> Choice:
        return choose(options)


def run() -> list[Result]:
    """Measure each kernel, with one object that does both."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder, "ebpf.toml")
        manifest.write_text(_MANIFEST)
        Path(folder, "events.bpf.c").write_text(_SOURCE)
        workspace = Workspace(manifest, manifest.parent, say=print)
        workspace.build()
        prepared = workspace.prepared("events")
        return [result for spec in KERNELS for result in _measure(spec, prepared)]


def _measure(spec: str, prepared: Prepared) -> Iterator[Result]:
    snapshot = Shelf(paths.cache_root(), say=print).get(recipe(spec), timeout=TIMEOUT)
    machine, guest = restore(snapshot, call_timeout=TIMEOUT).ready(TIMEOUT)
    loader = _Loader(guest)
    with machine:
        taken = median(_reading(_load(loader, prepared)) for _ in range(3))
    detail = f"{EVENTS:,}, decoded, none lost or out of order"
    yield Result(f"ring buffer, events read, {spec}", EVENTS / taken, "/s", None, detail)
    yield from _tracepoint(spec, snapshot, loader.calls[0], prepared)


def _load(loader: _Loader, prepared: Prepared) -> LoadedObject:
    return load(loader, prepared.elf, prepared.facts, name=prepared.name, options=prepared.options)


def _reading(loaded: LoadedObject) -> float:
    """Have events sent and read them, again and again; the seconds that reading took."""
    taken, number = 0.0, 0
    with loaded:
        while number < EVENTS:
            loaded.programs.send.run(PACKET, repeat=AT_ONCE)
            got: list[Any] = []
            taken += seconds(lambda got=got: got.extend(loaded.maps.events.read()))  # type: ignore[misc]
            assert [each.number for each in got] == list(range(number, number + AT_ONCE))
            number += AT_ONCE
    return taken


def _tracepoint(
    spec: str, snapshot: Snapshot, call: tuple[str, dict[str, Any]], prepared: Prepared
) -> Iterator[Result]:
    template = make(snapshot, [call], wake_timeout=TIMEOUT, call_timeout=TIMEOUT)

    def side(test: Callable[[Guest, LoadedObject], None]) -> Callable[[], float]:
        return lambda: seconds(lambda: _restored(template, prepared, test))

    sides = {"file": side(_opened_by_agent), "process": side(_opened_by_process), "none": side(_nothing)}
    taken = interleaved(sides, ROUNDS)
    blocks = median(_translated(template, prepared) for _ in range(5))
    template.close()
    restored = f"of {{:.0f}} ms, {median(taken['none']) * 1000:.0f} for the restore"
    for name, claim, bar in (
        ("file", "attach, trigger, read, detach of a tracepoint", TRACEPOINT),
        ("process", "the same, triggered by a new process", None),
    ):
        more = difference(taken[name], taken["none"]) * 1000
        yield Result(f"{claim}, {spec}", more, "ms", bar, restored.format(median(taken[name]) * 1000))
    told = "that the emulator translates for the first of these, between restore and detach"
    yield Result(f"blocks of code, {spec}", blocks, "blocks", None, told)


def _restored(template: Template, prepared: Prepared, test: Callable[[Guest, LoadedObject], None]) -> None:
    """Carry out *test* on a fresh kernel that has the object loaded."""
    machine, guest = restore(template, call_timeout=TIMEOUT).ready(TIMEOUT)
    with machine:
        test(guest, _load(_Loader(guest, template.answers[0]), prepared))


def _translated(template: Template, prepared: Prepared) -> int:
    machine, guest = restore(template, call_timeout=TIMEOUT).ready(TIMEOUT)
    with machine:
        loaded = _load(_Loader(guest, template.answers[0]), prepared)
        before = translated(machine)
        _opened_by_agent(guest, loaded)
        return translated(machine) - before


def _nothing(_guest: Guest, _loaded: LoadedObject) -> None:
    pass


def _opened_by_agent(guest: Guest, loaded: LoadedObject) -> None:
    with loaded.programs.opened.attach():
        System(guest).files.read("/proc/version")
        assert loaded.maps.events.next().pid == 1


def _opened_by_process(guest: Guest, loaded: LoadedObject) -> None:
    process = System(guest).process()
    with loaded.programs.opened.attach():
        process.open("/proc/version")
        assert loaded.maps.events.next().pid == process.pid
