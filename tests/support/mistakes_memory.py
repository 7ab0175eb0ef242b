"""What is wrong with the programs of tests/vm/data/mistakes/memory.bpf.c."""

from __future__ import annotations

from typing import Final

from mistake import Mistake

from pytest_ebpf.verifier import Kind

MEMORY: Final = (
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
        "memory behind the end of struct bpf_fentry_test_t, or of a member of it, is read",
        "return structure[8];",
    ),
)
