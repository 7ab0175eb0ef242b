"""What is told of refused programs, by logs of real kernels: tests/unit/data/verifier/KERNEL/NAME.log.

The programs are tests/vm/data/mistakes; ``tests/support/record_refusals.py`` recorded the logs.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from mistakes import MISTAKES, Mistake

from pytest_ebpf.verifier import Kind, explain, render, verifier_log

LOGS = Path(__file__).parent / "data" / "verifier"
KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.2", "7.3")
RECORDED = [
    pytest.param(each, kernel, id=f"{each.program}-{kernel}")
    for each in MISTAKES
    for kernel in KERNELS[KERNELS.index(each.since) :]
]


def log(name: str, kernel: str) -> str:
    return (LOGS / kernel / f"{name}.log").read_text()


@pytest.mark.parametrize(("mistake", "kernel"), RECORDED)
def test_the_same_is_told_on_every_kernel(mistake: Mistake, kernel: str):
    found = explain(log(mistake.program, kernel), program=mistake.program)
    assert found
    assert (found.kind, found.reason) == (mistake.kind, mistake.in_log or mistake.reason)
    assert found.suggestion
    assert found.said in log(mistake.program, kernel)
    assert len(render(found).splitlines()) <= 40


#: Where the log quotes no line: the way of control is checked before any instruction is.
WITHOUT_LINES = {Kind.UNREACHABLE, Kind.STACK_DEPTH, Kind.MISSING}


@pytest.mark.parametrize(("mistake", "kernel"), RECORDED)
def test_the_line_as_far_as_the_log_quotes_it(mistake: Mistake, kernel: str):
    found = explain(log(mistake.program, kernel))
    assert found
    if mistake.kind in WITHOUT_LINES or not mistake.line:
        assert found.place is None
    else:
        assert found.place
        assert found.place.text == mistake.line
        where = mistake.place.partition(":") if KERNELS.index(kernel) > 1 else ("", "", "0")
        assert (found.place.file, found.place.line) == (where[0], int(where[2]))


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_mistake_is_recorded(kernel):
    known = {each.program for each in MISTAKES if KERNELS.index(each.since) <= KERNELS.index(kernel)}
    recorded = {path.stem for path in (LOGS / kernel).iterdir()}
    assert known <= recorded <= {each.program for each in MISTAKES}


@pytest.mark.parametrize(
    ("name", "kernel", "words"),
    [
        ("packet_checked_too_short", "5.10", ["packet pointer, offset 0, 14 bytes checked"]),
        ("packet_checked_too_short", "6.1", ["packet pointer, offset 0, 14 bytes checked"]),
        ("packet_checked_too_short", "7.3", ["packet pointer, offset 0, 14 bytes checked"]),
        (
            "packet_variable",
            "7.2",
            ["packet pointer, offset 0 to 255, no bytes checked", "a number, 0 to 255"],
        ),
        ("packet_stale", "5.10", ["packet pointer, offset 0, 14 bytes checked"]),
        ("null_unchecked", "5.10", ["pointer to a value of map, or null"]),
        ("null_unchecked", "6.12", ["pointer to a value of map table (64 bytes), or null"]),
        (
            "value_unbounded",
            "5.10",
            ["pointer to a value of map (64 bytes), offset 0 to 17179869180", "a number, 0 to 17179869180"],
        ),
        (
            "value_unbounded",
            "7.3",
            [
                "pointer to a value of map table (64 bytes), offset 0 to 17179869180",
                "a number, 0 to 17179869180",
            ],
        ),
        ("value_negative", "6.12", ["any number"]),
        ("stack_too_far", "7.2", ["pointer to the stack, offset -8 to 65527"]),
        ("number_as_pointer", "5.10", ["any number"]),
        ("number_as_pointer", "6.12", ["a number, 0 to 4294967295"]),
        ("socket_released_unchecked", "7.2", ["socket, or null"]),
        ("verdict_out_of_range", "7.2", ["the number 5"]),
        ("length_zero", "6.12", ["a number, 0 to 63"]),
        ("record_kept", "6.12", []),
    ],
)
def test_registers_in_words(name, kernel, words):
    found = explain(log(name, kernel))
    assert found
    assert [each.words() for each in found.registers] == words


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("name", "what", "line"),
    [
        ("value_unbounded", "R1 was read from memory", "__u32 index = ctx->rx_queue_index;"),
        ("mistake_in_function", "R2 was read from memory", "return item_of(found, ctx->rx_queue_index);"),
        (
            "null_unchecked",
            "R0 is what bpf_map_lookup_elem returned",
            "return bpf_map_lookup_elem(&table, &key);",
        ),
        ("packet_stale", "bpf_xdp_adjust_head is called", "if (bpf_xdp_adjust_head(ctx, -8))"),
        ("record_kept", "the program ends", "}"),
        ("lock_held_in_call", "the lock is taken", "bpf_spin_lock(&found->lock);"),
        ("verdict_unknown", "R0 was read from memory", "return skb->len;"),
    ],
)
def test_where_it_came_from(name, kernel, what, line):
    found = explain(log(name, kernel))
    assert found
    (cause,) = found.causes
    assert cause.what == what
    assert cause.place
    assert cause.place.text == line


def test_a_first_screen():
    found = explain(log("value_unbounded", "6.12"))
    assert found
    assert render(found).splitlines() == [
        "memory is read at an offset that has no upper limit",
        "",
        "memory.bpf.c:90",
        "> return found->item[index];",
        "",
        "R0: pointer to a value of map table (64 bytes), offset 0 to 17179869180",
        "R1: a number, 0 to 17179869180",
        "R1 was read from memory: memory.bpf.c:86: __u32 index = ctx->rx_queue_index;",
        "",
        (
            "try: check the index right before it is used, with an unsigned type: if (i >= N) return ...; "
            "or mask it: i &= N - 1, for an N that is a power of two"
        ),
        (
            "kernel: R0 unbounded memory access, make sure to bounds check any such access "
            "(instruction 13: r1 = *(u32 *)(r0 +0))"
        ),
    ]


def test_the_verifiers_part_of_a_log():
    assert verifier_log(log("code_never_reached", "6.1")).splitlines() == [
        "unreachable insn 2",
        "processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0",
    ]
    assert verifier_log(log("nowhere", "6.1")) == ""


@pytest.mark.parametrize("text", ["", "no line of libbpf's\n", "libbpf: failed to load object 'x'\n"])
def test_a_log_without_a_reason(text):
    assert explain(text) is None


def test_of_several_programs_the_last_log_counts():
    found = explain(log("endless", "6.1") + log("null_unchecked", "6.1"))
    assert found
    assert found.kind is Kind.NULL


def test_a_log_that_was_cut_at_its_beginning():
    """The agent keeps the last 4 MiB, so the line that begins the verifier's part may be lost."""
    whole = log("null_unchecked", "6.1")
    found = explain(whole[whole.index("; found->item[0]++") :])
    assert found
    assert (found.kind, found.reason) == (Kind.NULL, "R0 may be null where memory is read through it")


@pytest.mark.parametrize("kernel", KERNELS)
def test_whatever_is_lost_of_a_log_something_is_told(kernel):
    """Lines that are missing or cut make an explanation poorer; they never make an error."""
    for path in sorted((LOGS / kernel).iterdir()):
        text = path.read_text()
        lines = text.splitlines(keepends=True)
        for keep in (lines[1::2], lines[::2], lines[len(lines) // 2 :], [text[: len(text) * 2 // 3]]):
            found = explain("".join(keep), program=path.stem)
            assert found is None or render(found)
