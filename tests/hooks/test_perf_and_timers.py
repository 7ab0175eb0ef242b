"""Programs on perf events, and what programs have later, share and say: timers, arenas, commands."""

from __future__ import annotations

import signal

import pytest

from pytest_ebpf.bpf import LoadedObject
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.system import Process


@pytest.fixture
def process(ebpf: Ebpf) -> Process:
    return ebpf.guest.process()


def watching(ebpf: Ebpf, name: str, process: Process) -> LoadedObject:
    """The object *name*, which heeds *process*, attached."""
    tool = ebpf.load(name, globals={"watched": process.pid})
    tool.attach()
    return tool


@pytest.mark.hook("perf_event, software")
def test_page_faults(ebpf: Ebpf) -> None:
    tool = ebpf.load("perf")
    tool.attach()  # what the manifest has settings for
    ebpf.guest.run(["true"])
    assert tool.globals.seen > 0


@pytest.mark.hook("perf_event, clock")
def test_cpu_clock(ebpf: Ebpf) -> None:
    busy = ebpf.guest.start(["sha256sum", "/dev/zero"])
    tool = ebpf.load("perf", globals={"watched": busy.pid})
    tool.programs.sampled.attach(type="software", config="cpu_clock", frequency=1000, pid=busy)
    ebpf.wait(lambda: tool.globals.seen > 10, what="samples of a busy process")


@pytest.mark.hook("bpf_timer")
def test_timer(ebpf: Ebpf, process: Process) -> None:
    tool = watching(ebpf, "timer", process)
    process.kill(process.pid, signal.SIGCONT)
    ebpf.wait(lambda: tool.globals.seen, what="the alarm")


@pytest.mark.hook("bpf_wq")
def test_workqueue(ebpf: Ebpf, process: Process) -> None:
    tool = watching(ebpf, "workqueue", process)
    process.kill(process.pid, signal.SIGCONT)
    ebpf.wait(lambda: tool.globals.seen, what="the work")


@pytest.mark.hook("user_ringbuf")
def test_user_ring_buffer(ebpf: Ebpf, process: Process) -> None:
    tool = watching(ebpf, "commands", process)
    tool.maps.commands.send_many([{"add": 40}, {"add": 2}])
    process.kill(process.pid, signal.SIGCONT)
    assert tool.globals.sum == 42


@pytest.mark.hook("kfunc")
def test_function_of_the_kernel(ebpf: Ebpf, process: Process) -> None:
    tool = watching(ebpf, "kfunc", process)
    process.kill(process.pid, signal.SIGCONT)
    assert tool.globals.path == "init"


@pytest.mark.hook("bpf_printk")
def test_printing(ebpf: Ebpf, process: Process) -> None:
    watching(ebpf, "printing", process)
    process.kill(process.pid, signal.SIGCONT)
    assert ebpf.printk() == [f"signal {signal.SIGCONT:d}"]


@pytest.mark.hook("syscall", attached=False)
def test_syscall(ebpf: Ebpf) -> None:
    multiply = ebpf.load("multiplier").programs.multiply
    context = multiply.run(context={"factor": 6, "other": 7}).context
    assert context.result == 42


@pytest.mark.hook("arena", attached=False)
def test_arena(ebpf: Ebpf) -> None:
    tool = ebpf.load("arena")
    tool.programs.grow.run()
    tool.programs.grow.run()
    memory = tool.maps.memory
    last = memory.get(memory.offset(tool.globals.head), "node")
    first = memory.get(memory.offset(last.next), "node")
    assert (last.number, first.number, first.next) == (2, 1, 0)
