"""Programs on functions and tracepoints, attached and taken off again: tests/vm/data/links.bpf.c.

That each kind works on each kernel is proven by tests/hooks. Links are other things on the oldest kernel
(perf events, raw tracepoints) than on the newest.
"""

from __future__ import annotations

import pytest
from proof import prove
from worker import UMASK, Worker

from pytest_ebpf.errors import UnsupportedError


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


@pytest.fixture
def watching(load_object, worker):
    """``watching(program, **options)`` loads one program of the object, to count calls of the worker."""

    def one(program, **options):
        return load_object("links", autoload={program: True}, globals={"watched": worker.pid}, **options)

    return one


@lines("5.10", "7.2")
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
    ],
)
def test_each_call_of_the_process_is_counted(watching, worker, name, value):
    worker.umask()
    tool = watching(name)
    prove(tool.programs[name].attach, worker.umask, lambda: tool.globals.calls)
    assert tool.globals.value == value


@lines("5.10", "7.2")
@pytest.mark.parametrize(("name", "value"), [("on_fentry", 0), ("on_fexit", 0o22)])
def test_before_and_after_a_function(watching, worker, line, name, value):
    worker.umask()
    tool = watching(name)
    program, again = tool.programs[name], line != "5.10"
    prove(program.attach, worker.umask, lambda: tool.globals.calls, again=again)
    assert tool.globals.value == value
    if not again:
        with pytest.raises(UnsupportedError) as caught:
            program.attach()
        kind = name.removeprefix("on_")
        assert str(caught.value) == (
            f"programs.{name}: this kernel attaches a {kind} program to this place only once; "
            "load the object again"
        )


@lines("7.2")
@pytest.mark.parametrize(
    ("name", "times"), [("on_kprobe_multi", 1), ("on_kretprobe_multi", 1), ("on_kprobe_session", 2)]
)
def test_many_functions_at_once(watching, worker, name, times):
    tool = watching(name)
    prove(tool.programs[name].attach, worker.umask, lambda: tool.globals.calls, times=times)


@lines("5.10", "7.2")
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


@lines("5.10", "6.18")
def test_a_kernel_without_it(watching):
    with pytest.raises(UnsupportedError) as caught:
        watching("on_fsession")
    assert str(caught.value) == (
        "links: on_fsession: this kernel has no fsession hooks; "
        "run it on a newer kernel, or declare an alternative"
    )
