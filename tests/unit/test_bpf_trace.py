"""Messages of bpf_printk, from lines as kernels write them."""

from __future__ import annotations

import pytest

from pytest_ebpf.bpf.trace import parse


@pytest.mark.parametrize(
    "line",
    [
        "           <...>-1       [000] d...     1.773317: bpf_trace_printk: packet of 64 bytes",  # 5.10
        "            init-1       [000] ...11     3.395316: bpf_trace_printk: packet of 64 bytes",  # 6.1
        "            init-1       [000] bl.11     2.222037: bpf_trace_printk: packet of 64 bytes",  # 7.2
        "  kworker/0:1-i-17      [001] d..21   102.000001: bpf_trace_printk: packet of 64 bytes",
        "            curl-123     (    123) [000] d..21     1.000000: bpf_trace_printk: packet of 64 bytes",
    ],
)
def test_a_message_is_its_text(line):
    assert parse(line + "\n") == ["packet of 64 bytes"]


def test_who_said_it():
    (message,) = parse("     my-prog 2-123     [001] d..21   12.345678: bpf_trace_printk: a: b-1\n")
    assert (message.comm, message.pid, message.cpu, message.time) == ("my-prog 2", 123, 1, 12.345678)
    assert message.text == str(message) == "a: b-1"


def test_a_text_of_several_lines():
    head = "            init-1       [000] ...11     3.395316: bpf_trace_printk: "
    assert parse(f"{head}one\ntwo\n\n{head}three\n\n{head}\n") == ["one\ntwo", "three", ""]


def test_other_events_are_none():
    head = "            init-1       [000] ...11     3.395316: "
    text = f"{head}sched_switch: prev_comm=init\n{head}bpf_trace_printk: mine\n{head}console: [ 1.0] x\n"
    assert parse(text) == ["mine"]


def test_what_was_lost_is_said():
    text = (
        "CPU:1 [LOST 12 EVENTS]\n"
        "            init-1       [001] ...11     3.395316: bpf_trace_printk: last\n"
        "CPU:0 [LOST EVENTS]\n"
    )
    assert parse(text) == ["12 messages were lost here", "last", "some messages were lost here"]
    assert [message.pid for message in parse(text)] == [-1, 1, -1]


def test_nothing():
    assert parse("") == []
