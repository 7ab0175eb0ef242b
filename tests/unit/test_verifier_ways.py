"""The way to a refusal, back from its last instruction: through functions, branches and very long logs."""

from __future__ import annotations

from effort import calls
from verifierlog import refused

from pytest_ebpf.verifier import Kind, explain


def test_the_way_back_through_a_function_and_the_stack():
    """The number comes from a function, was kept on the stack, and was added to a pointer."""
    log = refused(
        "0: (85) call pc+9",
        "caller:",
        " R10=fp0",
        "callee:",
        " frame1: R1=ctx() R10=fp0",
        "; return ctx->rx_queue_index; @ a.bpf.c:30",
        "10: (61) r0 = *(u32 *)(r1 +16)        ; frame1: R0_w=scalar() R1=ctx()",
        "11: (95) exit",
        "returning from callee:",
        " frame1: R0=scalar() R1=ctx() R10=fp0",
        "to caller at 1:",
        " R0=scalar() R10=fp0",
        "; keep @ a.bpf.c:4",
        "1: (7b) *(u64 *)(r10 -8) = r0         ; R0=scalar(id=1) R10=fp0 fp-8=scalar(id=1)",
        "2: (79) r3 = *(u64 *)(r10 -8)         ; R3_w=scalar(id=1) R10=fp0 fp-8=scalar(id=1)",
        "3: (0f) r2 += r3                      ; R2_w=map_value(map=m,ks=4,vs=8) R3_w=scalar(id=1)",
        "4: (61) r0 = *(u32 *)(r2 +0)",
        "R2 unbounded memory access, make sure to bounds check any such access",
    )
    found = explain(log)
    assert found
    (cause,) = found.causes
    assert cause.what == "R0 was read from memory"
    assert str(cause.place) == "a.bpf.c:30: return ctx->rx_queue_index;"


def test_branches_that_were_done_are_no_part_of_the_way():
    log = refused(
        "0: (b7) r1 = 5                        ; R1_w=5",
        "1: (15) if r0 == 0x0 goto pc+2        ; R0=scalar()",
        "2: (b7) r1 = 6                        ; R1_w=6",
        "3: (05) goto pc+9",
        "",
        "from 1 to 4: R0=0 R1_w=5 R10=fp0",
        "4: (61) r0 = *(u32 *)(r1 +0)",
        "R1 invalid mem access 'scalar'",
    )
    found = explain(log)
    assert found
    assert [each.words() for each in found.registers] == ["the number 5"]


def test_a_log_of_megabytes_takes_no_longer_than_its_end():
    """The agent keeps 4 MiB: a hundred thousand lines of a loop."""
    loop = [
        "3: (07) r7 += 1                       ; R7_w=scalar()",
        "4: (85) call bpf_skb_store_bytes#9    ; R0_w=scalar()",
        "5: (55) if r7 != 0x5 goto pc-3        ; R7_w=scalar()",
    ]
    end = ["6: (61) r0 = *(u32 *)(r7 +0)", "R7 invalid mem access 'scalar'"]
    short, long = (refused("2: (b7) r7 = 0", *loop * times, *end) for times in (3300, 33_000))
    found = explain(long)
    assert found
    assert found.kind is Kind.NO_POINTER
    assert calls(lambda: explain(long)) < 4 * calls(lambda: explain(short))


def test_what_the_compiler_added_counts_to_the_line_before():
    found = explain(
        refused(
            "6: (61) r0 = *(u32 *)(r1 +4)",
            "; @ a.bpf.c:0",
            "7: (61) r0 = *(u32 *)(r1 +4)",
            "R1 invalid mem access 'scalar'",
        )
    )
    assert found
    assert str(found.place) == "a.bpf.c:3: line of source"
