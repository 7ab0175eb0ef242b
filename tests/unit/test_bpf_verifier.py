"""Why a kernel refused a program, from logs recorded in guests: tests/unit/data/bpf/logs/NAME-KERNEL.log.

The programs are those of tests/vm/data/refused.bpf.c and bloom.bpf.c.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_ebpf.bpf.verifier import decisive_line, missing_helper, source_line, suggested, verifier_log

LOGS = Path(__file__).parent / "data" / "bpf" / "logs"
OLD = ("5.10", "6.1")
NEW = ("6.12", "6.18", "7.2", "7.3")


def log(name: str, kernel: str) -> str:
    return (LOGS / f"{name}-{kernel}.log").read_text()


@pytest.mark.parametrize("kernel", OLD + NEW)
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("out_of_bounds", "invalid access to packet, off=4 size=1, R1(id=0,off=4,r=0)"),
        ("no_null_check", "R0 invalid mem access 'map_value_or_null'"),
        ("endless", "infinite loop detected at insn 3"),
        ("leaves_no_value", "unreachable insn 1"),
        (
            "nowhere",
            "prog 'nowhere': failed to find kernel BTF type ID of 'no_such_function_anywhere': -ESRCH",
        ),
    ],
)
def test_the_same_reason_on_every_kernel(name, line, kernel):
    assert decisive_line(log(name, kernel)) == line


@pytest.mark.parametrize("kernel", OLD)
def test_a_helper_of_another_type_on_old_kernels(kernel):
    line = decisive_line(log("wrong_helper", kernel))
    assert line == "unknown func bpf_skb_load_bytes#26"
    assert missing_helper(line) == 26


@pytest.mark.parametrize("kernel", NEW)
def test_a_helper_of_another_type_on_new_kernels(kernel):
    line = decisive_line(log("wrong_helper", kernel))
    assert line == "program of this type cannot use helper bpf_skb_load_bytes#26"
    assert missing_helper(line) is None


def test_a_helper_that_the_kernel_does_not_know():
    line = decisive_line(log("new_helper", "5.10"))
    assert line == "invalid func unknown#208"
    assert missing_helper(line) == 208


def test_a_map_that_cannot_be_created():
    assert decisive_line(log("bloom", "5.10")) == "map 'seen': failed to create: -EINVAL"


@pytest.mark.parametrize("kernel", OLD)
def test_old_kernels_tell_the_source_line_only(kernel):
    assert source_line(log("out_of_bounds", kernel)) == "return data[4];"


@pytest.mark.parametrize("kernel", NEW)
def test_new_kernels_tell_its_place_too(kernel):
    assert source_line(log("out_of_bounds", kernel)) == "refused.bpf.c:17: return data[4];"


def test_memory_that_a_function_of_the_kernel_would_write_to():
    reason = "write into map forbidden, value_size=14 off=0 size=6"
    lines = [reason, "arg#1 arg#2 memory, len pair leads to invalid memory access", "processed 5 insns"]
    said = "\n".join(["-- BEGIN PROG LOAD LOG --", "5: (85) call f#56822", *lines, "-- END PROG LOAD LOG --"])
    assert decisive_line(said) == reason


def test_the_verifiers_own_suggestion():
    assert suggested(log("no_null_check", "7.3")) == (
        "Add a NULL check before the access and dereference the pointer only on the non-NULL path."
    )
    assert suggested(log("no_null_check", "7.2")) is None


def test_the_verifiers_part_of_a_log():
    assert verifier_log(log("leaves_no_value", "6.1")).splitlines() == [
        "unreachable insn 1",
        "processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0",
    ]
    assert verifier_log(log("nowhere", "6.1")) == ""


@pytest.mark.parametrize("text", ["", "no line of libbpf's\n", "libbpf: failed to load object 'x'\n"])
def test_a_log_without_a_reason(text):
    assert decisive_line(text) is None
    assert source_line(text) is None


def test_of_several_programs_the_last_log_counts():
    assert decisive_line(log("endless", "6.1") + log("no_null_check", "6.1")) == (
        "R0 invalid mem access 'map_value_or_null'"
    )


def test_a_log_that_was_cut_at_its_beginning():
    """The agent keeps the last 4 MiB, so the line that begins the verifier's part may be lost."""
    whole = log("no_null_check", "6.1")
    cut = whole[whole.index("; return") :]
    assert decisive_line(cut) == "R0 invalid mem access 'map_value_or_null'"
