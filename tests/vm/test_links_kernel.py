"""Programs on functions and tracepoints of the kernel: tests/vm/data/links.bpf.c."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from proof import prove

from pytest_ebpf.errors import UnsupportedError
from pytest_ebpf.guest import Guest
from pytest_ebpf.uapi import LinkType

OPEN, CLOSE, MMAP, NANOSLEEP, UMASK, GETRANDOM = 2, 3, 9, 35, 95, 318


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


@dataclass
class Worker:
    """A process that makes system calls."""

    guest: Guest
    handle: int
    pid: int

    def calls(self, *calls):
        answers = self.guest.call("sys", process=self.handle, calls=[list(each) for each in calls])
        return [result for result, _ in answers]

    def umask(self, mask=0o22):
        (result,) = self.calls((UMASK, [mask]))
        return result

    def open(self, path=b"/proc/version\0"):
        opened, *_ = self.calls((OPEN, [path, 0]))
        if opened >= 0:
            self.calls((CLOSE, [opened]))
        return opened

    def sleep(self):
        self.calls((NANOSLEEP, [(0).to_bytes(8, "little") + (1000).to_bytes(8, "little"), 0]))

    def touch(self):
        """Write to fresh pages."""
        anonymous = 0x22
        self.calls((MMAP, [0, 1 << 16, 3, anonymous, -1, 0]), (GETRANDOM, [{"ret": 0}, 1 << 16, 0]))


@pytest.fixture
def worker(guest) -> Iterator[Worker]:
    made = guest.call("spawn")
    yield Worker(guest, made["process"], made["pid"])
    guest.call("kill", process=made["process"])


@pytest.fixture
def watching(load_object, worker):
    """``watching(program, **options)`` loads one program of the object, to count calls of the worker."""

    def one(program, **options):
        return load_object(
            "links", autoload={program: True}, globals={"watched": worker.pid}, **options
        )

    return one


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("on_kprobe", 0),
        ("on_kretprobe", 0o22),
        ("on_ksyscall", 0o22),
        ("on_kretsyscall", 0o22),
        ("on_tracepoint", 0),
        ("on_raw_tracepoint", UMASK),
        ("on_tp_btf", UMASK),
        ("on_fentry", 0),
        ("on_fexit", 0o22),
    ],
)
def test_each_call_of_the_process_is_counted(watching, worker, name, value):
    worker.umask()
    tool = watching(name)
    prove(tool.programs[name].attach, worker.umask, lambda: tool.globals.calls)
    assert tool.globals.value == value


@lines("6.12", "6.18", "7.2")
@pytest.mark.parametrize(
    ("name", "times"), [("on_kprobe_multi", 1), ("on_kretprobe_multi", 1), ("on_kprobe_session", 2)]
)
def test_many_functions_at_once(watching, worker, name, times):
    tool = watching(name)
    prove(tool.programs[name].attach, worker.umask, lambda: tool.globals.calls, times=times)


@pytest.mark.parametrize("name", ["on_fmod_ret", "on_lsm"])
def test_a_program_that_denies(watching, worker, name):
    tool = watching(name)
    assert worker.open() >= 0
    with tool.programs[name].attach():
        assert worker.open() == -1
        assert tool.globals.calls == 1
    assert worker.open() >= 0


@pytest.mark.parametrize(
    ("settings", "trigger"),
    [
        ({"type": "software", "config": "page-faults", "period": 1}, Worker.touch),
        ({"type": 1, "config": 3, "period": 1}, Worker.sleep),
    ],
)
def test_perf_events(watching, worker, settings, trigger):
    tool = watching("on_perf_event")
    attach = tool.programs.on_perf_event.attach
    prove(lambda: attach(**settings), lambda: trigger(worker), lambda: tool.globals.calls, times=0)
    prove(
        lambda: attach(**settings, pid=worker.pid),
        lambda: trigger(worker),
        lambda: tool.globals.calls,
        times=0,
    )
