"""Programs that kernels refuse, tests/vm/data/mistakes: how to compile them, and what is wrong with each."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf import paths
from pytest_ebpf.verifier import Kind

SOURCES: Final = Path(__file__).resolve().parents[1] / "vm" / "data" / "mistakes"
OBJECTS: Final = ("memory", "calls", "flow", "licence", "dynptrs", "kfuncs")


@dataclass(frozen=True)
class Mistake:
    """What is wrong with *program* of *object*, and the *line* of its source where that is.

    *since* is the first kernel that knows what the program uses.
    """

    object: str
    program: str
    kind: Kind
    reason: str
    line: str
    since: str = "5.10"

    @property
    def place(self) -> str:
        """``file:line`` of the mistake: the first such line from the program or its function on."""
        texts = (SOURCES / f"{self.object}.bpf.c").read_text().splitlines()
        start = next(at for at, text in enumerate(texts) if f"{self.program}(" in text)
        found = [at for at, text in enumerate(texts) if text.strip() == self.line]
        return f"{self.object}.bpf.c:{1 + next((at for at in found if at >= start), found[-1])}"


def compiled(name: str, folder: Path, *, sources: Path = SOURCES) -> Path:
    """What clang makes of the mistakes called *name*, in *folder*."""
    target = folder / f"{name}.bpf.o"
    headers = ["-I", paths.libbpf_include(), "-idirafter", "/usr/include/x86_64-linux-gnu"]
    argv = ["clang-19", "-target", "bpf", "-O2", "-g", "-mcpu=v3", *headers, "-c", f"{name}.bpf.c"]
    subprocess.run([*argv, "-o", target], cwd=sources, check=True, timeout=120)
    return target


MISTAKES: Final = (
    Mistake(
        "memory",
        "packet_unchecked",
        Kind.PACKET,
        "1 byte at offset 12 of the packet is read, but no check says that it is there",
        "if (eth->h_proto == 8)",
    ),
    Mistake(
        "memory",
        "packet_checked_too_short",
        Kind.PACKET,
        "1 byte at offset 23 of the packet is read, but only 14 bytes of it are checked",
        "if (ip->protocol == 17)",
    ),
    Mistake(
        "memory",
        "packet_stale",
        Kind.STALE,
        "a packet pointer is used behind bpf_xdp_adjust_head, which makes it invalid",
        "eth->h_proto = 8;",
    ),
    Mistake(
        "memory",
        "packet_variable",
        Kind.PACKET,
        "1 byte at a variable place in the packet plus 1 is read, but no check says that it is there",
        "return data[1];",
    ),
    Mistake(
        "memory",
        "null_unchecked",
        Kind.NULL,
        "what bpf_map_lookup_elem returned may be null where memory is read through it",
        "found->item[0]++;",
    ),
    Mistake(
        "memory",
        "null_unchecked_sum",
        Kind.NULL,
        "what bpf_map_lookup_elem returned may be null where a number is added to it",
        'asm volatile("%0 = %1; %0 += 8" : "=r"(third) : "r"(found));',
    ),
    Mistake(
        "memory",
        "value_too_far",
        Kind.BOUNDS,
        "4 bytes at offset 64 are read in a map value of 64 bytes",
        "return *((__u32 *)found + 16);",
    ),
    Mistake(
        "memory",
        "value_unbounded",
        Kind.UNBOUNDED,
        "memory is read at an offset that has no upper limit",
        "return found->item[index];",
    ),
    Mistake(
        "memory",
        "value_negative",
        Kind.UNBOUNDED,
        "memory is used at an offset that may be negative or far too large",
        "return found->item[index];",
    ),
    Mistake(
        "memory",
        "value_one_too_many",
        Kind.BOUNDS,
        "4 bytes at offset 64 are read in a map value of 64 bytes",
        "return found->item[index];",
    ),
    Mistake(
        "memory",
        "constant_written",
        Kind.READ_ONLY,
        "a constant, or a map that is read-only for programs, is written",
        "*(volatile __u32 *)&limit = 5;",
    ),
    Mistake(
        "memory",
        "stack_too_far",
        Kind.STACK_ACCESS,
        "the stack is written at an offset that may lie outside it",
        "buffer[index] = 1;",
    ),
    Mistake(
        "memory",
        "stack_below",
        Kind.STACK_ACCESS,
        "8 bytes are written at offset -520 of the stack, which has -512 to -1",
        'asm volatile("*(u64 *)(r10 - 520) = %0" :: "r"(1L));',
    ),
    Mistake(
        "memory",
        "number_as_pointer",
        Kind.NO_POINTER,
        "R1 is a number, and memory is read through it",
        "return *address;",
    ),
    Mistake(
        "memory",
        "context_too_far",
        Kind.CONTEXT,
        "4 bytes at offset 200 of the context cannot be read by programs of this type",
        "return *(volatile __u32 *)((char *)ctx + 200);",
    ),
    Mistake(
        "memory",
        "context_written",
        Kind.CONTEXT,
        "4 bytes at offset 12 of the context cannot be written by programs of this type",
        "ctx->ingress_ifindex = 3;",
    ),
    Mistake(
        "memory",
        "context_moved",
        Kind.CONTEXT,
        "the context is read at an offset that is not constant",
        "return moved->ingress_ifindex;",
    ),
    Mistake(
        "calls",
        "helper_of_others",
        Kind.HELPER,
        "programs of this type cannot call bpf_skb_load_bytes",
        "return bpf_skb_load_bytes(ctx, 0, &byte, 1) ? XDP_PASS : XDP_DROP;",
    ),
    Mistake(
        "calls",
        "helper_in_future",
        Kind.HELPER,
        "this kernel has no helper 9999",
        "return from_the_future();",
    ),
    Mistake(
        "calls",
        "key_is_a_number",
        Kind.ARGUMENT,
        "R2 is a number, which bpf_map_lookup_elem does not take",
        "void *found = bpf_map_lookup_elem(&table, (void *)7L);",
    ),
    Mistake(
        "calls",
        "record_kept",
        Kind.REFERENCE,
        "what bpf_ringbuf_reserve acquired is not released before the program ends",
        "__u32 *record = bpf_ringbuf_reserve(&events, 4, 0);",
    ),
    Mistake(
        "calls",
        "record_used_after",
        Kind.STALE,
        "what bpf_ringbuf_reserve returned is used behind bpf_ringbuf_discard, which makes it invalid",
        "*record = 1;",
    ),
    Mistake(
        "calls",
        "wrong_map",
        Kind.ARGUMENT,
        "bpf_tail_call does not take a map of this type",
        "bpf_tail_call(ctx, &table, 0);",
    ),
    Mistake(
        "calls",
        "buffer_too_small",
        Kind.BUFFER,
        "bpf_skb_load_bytes is told of 16 bytes, but the stack has 8 bytes there (R3)",
        "if (bpf_skb_load_bytes(skb, 0, buffer, 16))",
    ),
    Mistake(
        "calls",
        "length_unbounded",
        Kind.LENGTH,
        "bpf_skb_load_bytes is given a length that has no upper limit (R4)",
        "if (bpf_skb_load_bytes(skb, 0, buffer, length))",
    ),
    Mistake(
        "calls",
        "length_negative",
        Kind.LENGTH,
        "bpf_skb_load_bytes is given a length that may be negative (R4)",
        "if (bpf_skb_load_bytes(skb, 0, buffer, length))",
    ),
    Mistake(
        "calls",
        "length_zero",
        Kind.LENGTH,
        "bpf_skb_load_bytes is given a length that may be 0 (R4)",
        "if (bpf_skb_load_bytes(skb, 0, buffer, length))",
    ),
    Mistake(
        "calls",
        "socket_kept",
        Kind.REFERENCE,
        "what bpf_sk_lookup_tcp acquired is not released before the program ends",
        "found = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);",
    ),
    Mistake(
        "calls",
        "socket_released_unchecked",
        Kind.NULL,
        "what bpf_sk_lookup_tcp returned may be null, and bpf_sk_release takes no null",
        "bpf_sk_release(found);",
    ),
    Mistake(
        "calls",
        "sleeps",
        Kind.SLEEP,
        "bpf_copy_from_user may sleep, and this program may not",
        "bpf_copy_from_user(&number, sizeof(number), (void *)4096);",
    ),
    Mistake(
        "flow",
        "verdict_out_of_range",
        Kind.RETURN,
        "the program returns 5, but must return 0 or 1",
        "return 5;",
    ),
    Mistake(
        "flow",
        "verdict_unknown",
        Kind.RETURN,
        "the program returns any number from 0 to 4294967295, but must return 0 or 1",
        "return skb->len;",
    ),
    Mistake(
        "flow",
        "nothing_returned",
        Kind.UNREACHABLE,
        "control never comes to instruction 1",
        "return XDP_PASS;",
    ),
    Mistake(
        "flow",
        "never_set",
        Kind.UNINITIALISED,
        "R7 is read, but never set",
        'asm volatile("%0 = r7" : "=r"(number));',
    ),
    Mistake(
        "flow", "endless", Kind.LOOP, "the loop never ends, as far as the verifier can see", "while (!stop)"
    ),
    Mistake(
        "flow",
        "too_many_jumps",
        Kind.COMPLEX,
        "there are more than 8192 branches on one way through the program",
        "if (bpf_get_prandom_u32() == i)",
    ),
    Mistake(
        "flow",
        "stack_too_deep",
        Kind.STACK_DEPTH,
        "the stacks of 2 functions that call each other have more than 512 bytes",
        "static __noinline int deeper(struct xdp_md *ctx)",
    ),
    Mistake(
        "flow",
        "pointer_multiplied",
        Kind.POINTER,
        "*= is used on a pointer (R0)",
        'asm volatile("%0 = %1; %0 *= 2" : "=r"(number) : "r"(ctx));',
    ),
    Mistake(
        "flow",
        "pointer_halved",
        Kind.POINTER,
        "half of a pointer is used for arithmetic (R0)",
        'asm volatile("r0 = %0; w0 += 1" :: "r"(found) : "r0");',
    ),
    Mistake(
        "flow",
        "code_never_reached",
        Kind.UNREACHABLE,
        "control never comes to instruction 2",
        'asm volatile("r0 = 2; exit; r0 = 1");',
    ),
    Mistake(
        "flow",
        "mistake_in_function",
        Kind.UNBOUNDED,
        "memory is read at an offset that has no upper limit",
        "return numbers->item[index];",
    ),
    Mistake(
        "flow", "lock_kept", Kind.LOCK, "the program ends with the lock held", "bpf_spin_lock(&found->lock);"
    ),
    Mistake(
        "flow",
        "lock_held_in_call",
        Kind.LOCK,
        "bpf_get_prandom_u32 is called with a lock held",
        "found->count = bpf_get_prandom_u32();",
    ),
    Mistake(
        "flow",
        "nowhere",
        Kind.MISSING,
        'this kernel has no "no_such_function_anywhere" to attach to',
        "return 0;",
    ),
    Mistake(
        "licence",
        "needs_gpl",
        Kind.LICENCE,
        "bpf_probe_read_kernel is for programs under a licence that is compatible with the GPL",
        "return bpf_ktime_get_ns() + bpf_probe_read_kernel(ctx, 0, ctx);",
    ),
    Mistake(
        "licence",
        "prints",
        Kind.LICENCE,
        "bpf_trace_printk is for programs under a licence that is compatible with the GPL",
        'bpf_printk("hello");',
    ),
    Mistake(
        "dynptrs",
        "dynptr_kept",
        Kind.REFERENCE,
        "what bpf_ringbuf_reserve_dynptr acquired is not released before the program ends",
        "bpf_ringbuf_reserve_dynptr(&events, 8, 0, &record);",
        since="6.1",
    ),
    Mistake(
        "dynptrs",
        "dynptr_never_made",
        Kind.DYNPTR,
        "bpf_dynptr_read is given no dynptr that was made before",
        "bpf_dynptr_read(&number, sizeof(number), &record, 0, 0);",
        since="6.1",
    ),
    Mistake(
        "dynptrs",
        "function_of_all",
        Kind.NULL,
        "R1 may be null where memory is read through it",
        "return *number;",
        since="6.1",
    ),
    Mistake(
        "kfuncs",
        "task_kept",
        Kind.REFERENCE,
        "what bpf_task_from_pid acquired is not released before the program ends",
        "struct task_struct *task = bpf_task_from_pid(1);",
        since="6.12",
    ),
    Mistake(
        "kfuncs",
        "task_released_unchecked",
        Kind.NULL,
        "what bpf_task_from_pid returned may be null, and bpf_task_release takes no null",
        "bpf_task_release(task);",
        since="6.12",
    ),
    Mistake(
        "kfuncs",
        "iterator_kept",
        Kind.REFERENCE,
        "what bpf_iter_num_new acquired is not released before the program ends",
        "bpf_iter_num_new(&it, 0, 3);",
        since="6.12",
    ),
    Mistake(
        "kfuncs",
        "rcu_kept",
        Kind.LOCK,
        "the program ends with the lock held",
        "bpf_rcu_read_lock();",
        since="6.12",
    ),
    Mistake(
        "memory",
        "misaligned",
        Kind.ALIGNMENT,
        "memory (stack) is written at an address that is no multiple of the size",
        'asm volatile("*(u32 *)(r10 - 6) = %0" :: "r"(1));',
    ),
    Mistake(
        "memory",
        "context_given_moved",
        Kind.CONTEXT,
        "the context is given to bpf_xdp_adjust_head, but was moved by 8 bytes before",
        "return bpf_xdp_adjust_head((void *)ctx + 8, 0);",
    ),
    Mistake(
        "memory",
        "structure_too_far",
        Kind.STRUCT,
        "memory behind the end of struct bpf_fentry_test_t is read",
        "return structure[8];",
    ),
    Mistake(
        "calls",
        "record_too_small",
        Kind.BOUNDS,
        "4 bytes at offset 12 are written in memory of 4 bytes",
        "record[3] = 1;",
    ),
    Mistake(
        "calls",
        "lost_in_call",
        Kind.UNINITIALISED,
        "R3 is read behind bpf_get_prandom_u32, which leaves nothing in it",
        'asm volatile("r3 = 5; call 7; %0 = r3" : "=r"(number) :: "r0", "r1", "r2", "r3", "r4", "r5");',
    ),
    Mistake(
        "calls",
        "socket_released_twice",
        Kind.STALE,
        "what bpf_sk_lookup_tcp returned is used behind bpf_sk_release, which makes it invalid",
        "bpf_sk_release(found); /* again */",
    ),
)
