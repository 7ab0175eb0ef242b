"""Lines of the verifier that no recorded log has: the format strings of the kernels' images, filled in."""

from __future__ import annotations

import re

import pytest
from verifierlog import READS, refused

from pytest_ebpf.verifier import Kind, explain, render
from pytest_ebpf.verifier.advice import SUGGESTIONS

#: An instruction that writes, and one that calls.
WRITES = "7: (63) *(u32 *)(r1 +4) = r2"
CALLS = "7: (85) call bpf_csum_diff#28"


#: Where the object is needed to tell the line.
WITHOUT_PLACE = {Kind.LOOP, Kind.JUMP, Kind.STACK_DEPTH}


@pytest.mark.parametrize(
    ("instruction", "line", "kind", "reason"),
    [
        # memory
        (
            READS,
            "R1 min value is negative, either use unsigned index or do a if (index >=0) check.",
            Kind.UNBOUNDED,
            "memory is used at an offset that may be negative or far too large",
        ),
        (
            READS,
            "value -2147483648 makes map_value pointer be out of bounds",
            Kind.UNBOUNDED,
            "memory is used at an offset that may be negative or far too large",
        ),
        (
            CALLS,
            "R2 unbounded size, use 'var &= const' or 'if (var < const)'",
            Kind.LENGTH,
            "bpf_csum_diff takes only a size that is a constant (R2)",
        ),
        (
            CALLS,
            "Possibly NULL pointer passed to helper R3",
            Kind.NULL,
            "R3 may be null, and bpf_csum_diff takes no null",
        ),
        (
            READS,
            "R1 invalid mem access 'map_ptr'",
            Kind.POINTER,
            "R1 is the map, through which memory cannot be read",
        ),
        (
            CALLS,
            "invalid indirect read from stack R1 off -16+4 size 16",
            Kind.UNINITIALISED,
            "bytes of the stack are given to bpf_csum_diff that were never written",
        ),
        (
            CALLS,
            "invalid read from stack off -8+0 size 8",
            Kind.UNINITIALISED,
            "bytes of the stack are given to bpf_csum_diff that were never written",
        ),
        (
            CALLS,
            "invalid stack type R1 off=-8 access_size=16",
            Kind.BUFFER,
            "bpf_csum_diff is told of 16 bytes, but the stack has 8 bytes there (R1)",
        ),
        (
            READS,
            "invalid unbounded variable-offset read from stack R1",
            Kind.STACK_ACCESS,
            "the stack is read at an offset that may lie outside it",
        ),
        (
            CALLS,
            "variable offset stack pointer cannot be passed into helper function; var_off=(0x0; 0xff)",
            Kind.STACK_ACCESS,
            "the stack is given to bpf_csum_diff at an offset that may lie outside it",
        ),
        (
            WRITES,
            "attempt to corrupt spilled pointer on stack",
            Kind.STACK_ACCESS,
            "a pointer that is kept on the stack is partly overwritten",
        ),
        (
            WRITES,
            "R1 cannot write into rdonly_mem",
            Kind.READ_ONLY,
            "memory is written that programs of this type may only read",
        ),
        (
            "7: (db) lock *(u64 *)(r1 +0) += r2",
            "BPF_ATOMIC stores into R1 ctx is not allowed",
            Kind.READ_ONLY,
            "memory is written in a way that is not allowed there (the context)",
        ),
        (
            READS,
            "R1 invalid rdonly buffer access: off=8, size=4",
            Kind.BOUNDS,
            "4 bytes at offset 8 of a buffer cannot be read",
        ),
        (
            READS,
            "R1 is ptr_task_struct invalid negative access: off=-4",
            Kind.STRUCT,
            "pointer to struct task_struct is read at an offset that is negative or not constant",
        ),
        (
            READS,
            "R1 invalid sock access off=300 size=4",
            Kind.BOUNDS,
            "4 bytes at offset 300 cannot be read there: socket",
        ),
        (
            READS,
            "access beyond the end of member comm (mend:3016) in struct task_struct with off 3010 size 8",
            Kind.STRUCT,
            "memory behind the end of struct task_struct, or of a member of it, is read",
        ),
        (
            READS,
            "cannot access ptr member next with moff 8 in struct sk_buff with off 8 size 4",
            Kind.STRUCT,
            "next of struct sk_buff is a pointer, of which a part is read",
        ),
        (
            CALLS,
            "R1 doesn't have constant offset. bpf_timer has to be at the constant offset",
            Kind.FIELD,
            "a bpf_timer is used at an offset that is not constant (R1)",
        ),
        (
            READS,
            "R1 is ptr_sockaddr access user memory: off=4",
            Kind.NO_POINTER,
            "R1 leads to user memory, which cannot be read directly",
        ),
        (
            READS,
            "R1 invalid variable buffer offset: off=0, var_off=(0x0; 0xff)",
            Kind.UNBOUNDED,
            "memory is read at an offset that has no upper limit",
        ),
        # calls
        (
            CALLS,
            "R3 does not point to a readonly map'",
            Kind.ARGUMENT,
            "bpf_csum_diff takes only text that is constant (R3)",
        ),
        (
            CALLS,
            "R3 must be a known constant",
            Kind.ARGUMENT,
            "bpf_csum_diff takes only a constant there (R3)",
        ),
        (
            CALLS,
            "arg#0 expected pointer to an iterator on stack",
            Kind.DYNPTR,
            "bpf_csum_diff takes only what is on the stack: a dynptr, or an iterator",
        ),
        (CALLS, "cannot overwrite referenced dynptr", Kind.DYNPTR, "a dynptr that is held is overwritten"),
        (
            CALLS,
            "bpf_spin_unlock of different lock",
            Kind.LOCK,
            "bpf_csum_diff is called with another lock held than it needs, or with none",
        ),
        (
            CALLS,
            "cannot call kernel function from non-GPL compatible program",
            Kind.LICENCE,
            "bpf_csum_diff is for programs under a licence that is compatible with the GPL",
        ),
        (
            READS,
            "Global function whole() doesn't return scalar. Only those are supported.",
            Kind.BTF,
            "whole is verified by itself, and returns something else than a number",
        ),
        (
            CALLS,
            "kernel func bpf_wq_start is sleepable within rcu_read_lock region",
            Kind.SLEEP,
            "bpf_csum_diff may sleep, and is called where that is not allowed: rcu_read_lock region",
        ),
        (
            CALLS,
            "helper call is not allowed in probe",
            Kind.HELPER,
            "bpf_csum_diff cannot be called in this program",
        ),
        (
            CALLS,
            "calling kernel function bpf_task_acquire is not allowed",
            Kind.HELPER,
            "programs of this type cannot call bpf_task_acquire",
        ),
        (
            CALLS,
            "cannot pass map_type 2 into func bpf_csum_diff#28",
            Kind.ARGUMENT,
            "bpf_csum_diff does not take a map of this type",
        ),
        (
            CALLS,
            "R2 is of type scalar but fp is expected",
            Kind.ARGUMENT,
            "R2 is a number, which bpf_csum_diff does not take",
        ),
        (CALLS, "R2 is not a pointer", Kind.ARGUMENT, "R2 is no pointer, as bpf_csum_diff wants"),
        (
            "7: (85) call pc+3",
            "Caller passes invalid args into func#1 ('whole')",
            Kind.ARGUMENT,
            "whole is given arguments that it does not take",
        ),
        (
            "7: (85) call bpf_task_release#1234",
            "release kfunc bpf_task_release expects referenced PTR_TO_BTF_ID passed to R1",
            Kind.ARGUMENT,
            "bpf_task_release is given something that was not acquired, or was released before",
        ),
        (
            "7: (85) call bpf_iter_num_next#1234",
            "expected an initialized iter_num as R1",
            Kind.DYNPTR,
            "bpf_iter_num_next is given no iter_num that was made before",
        ),
        (
            "7: (85) call bpf_ringbuf_submit_dynptr#199",
            "Expected a dynptr of type ringbuf as arg #0",
            Kind.DYNPTR,
            "bpf_ringbuf_submit_dynptr is given a dynptr of another kind",
        ),
        (
            CALLS,
            "R2 must be referenced or trusted",
            Kind.ARGUMENT,
            "R2 is given to bpf_csum_diff, which takes only pointers that are sure to be valid",
        ),
        (
            WRITES,
            "store to referenced kptr disallowed",
            Kind.FIELD,
            "a kptr is written, which is for its helpers alone",
        ),
        # the way of control
        (
            "7: (85) call pc-8",
            "recursive call from walk() to step()",
            Kind.CALLS,
            "walk calls step, which leads back to walk: recursion",
        ),
        (
            "7: (95) exit",
            "At program exit the register R0 has unknown scalar value should have been in [0, 3]",
            Kind.RETURN,
            "the program returns any number, but must return 0 to 3",
        ),
        (
            "7: (95) exit",
            f"At program exit the register R0 has value (0x{'f' * 16}; 0x0) should have been in (0x0; 0x1)",
            Kind.RETURN,
            "the program returns -1, but must return 0 or 1",
        ),
        (
            "7: (95) exit",
            "R0 leaks addr as return value",
            Kind.LEAK,
            "an address of the kernel is given away: return value",
        ),
        ("7: (95) exit", "R0 !read_ok", Kind.UNINITIALISED, "no value is returned: R0 is never set"),
        (
            READS,
            "BPF program is too large. Processed 1000001 insn",
            Kind.COMPLEX,
            "checking the program takes more than 1000000 steps",
        ),
        (
            READS,
            "the call stack of 8 frames is too deep !",
            Kind.CALLS,
            "functions call each other 9 deep, but 8 are the most",
        ),
        (
            READS,
            "stack size of subprog 2 is 520. Too large",
            Kind.STACK_DEPTH,
            "a function has a larger stack than it may have where it is called",
        ),
        (
            READS,
            "back-edge from insn 9 to 3",
            Kind.LOOP,
            "the loop never ends, as far as the verifier can see",
        ),
        (READS, "jump out of range from insn 0 to 6", Kind.JUMP, "control leaves the program"),
        (
            "7: (1f) r1 -= r2",
            "R1 tried to subtract pointer from scalar",
            Kind.POINTER,
            "a pointer is used in a way that is not allowed (R1)",
        ),
        ("7: (bc) w1 = w2", "R2 partial copy of pointer", Kind.LEAK, "half of a pointer is copied (R2)"),
        (
            "7: (5f) r1 &= r2",
            "R1 bitwise operator &= on pointer prohibited",
            Kind.POINTER,
            "&= is used on a pointer (R1)",
        ),
    ],
)
def test_a_line(instruction, line, kind, reason):
    found = explain(refused(instruction, line))
    assert found
    assert (found.kind, found.reason, found.said) == (kind, reason, line)
    assert str(found.place) == "a.bpf.c:3: line of source" or kind in WITHOUT_PLACE


def test_a_line_that_nobody_knows_is_told_as_it_is():
    found = explain(refused(READS, "verifier bug: no such thing"))
    assert found
    assert (found.kind, found.reason) == (Kind.OTHER, "verifier bug: no such thing")
    assert str(found.place) == "a.bpf.c:3: line of source"
    assert "try: " not in render(found)


def test_of_a_line_that_nobody_knows_the_verifiers_own_suggestion():
    told = "Verification failed: New\n\nReason:\n  It is new.\n\nSuggestion:\n  Do it\n  otherwise."
    found = explain(refused(READS, "something new", "", told))
    assert found
    assert (found.reason, found.suggestion) == ("something new", "Do it otherwise.")


def test_there_is_something_to_do_about_every_kind():
    assert set(Kind) - set(SUGGESTIONS) == {Kind.OTHER, Kind.JUMP}


def test_every_word_of_a_reason_is_filled_in():
    assert not re.search(
        r"[{}]|None", " ".join(SUGGESTIONS[kind] for kind in SUGGESTIONS).replace("= {}", "")
    )
