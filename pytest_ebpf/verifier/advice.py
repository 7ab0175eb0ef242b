"""What to do about the well-known mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_ebpf.verifier.model import Kind

SUGGESTIONS: Final[Mapping[Kind, str]] = {
    Kind.PACKET: "compare with data_end before the access: if (data + offset + size > data_end) return ...;",
    Kind.BOUNDS: "let the index and the size of what is accessed stay within the object",
    Kind.UNBOUNDED: "check the index right before it is used, with an unsigned type: if (i >= N) return ...; "
    "or mask it: i &= N - 1, for an N that is a power of two",
    Kind.LENGTH: "bound the length on both sides, with an unsigned type: "
    "if (len == 0 || len > sizeof(buffer)) return ...;",
    Kind.BUFFER: "give the helper a buffer of the length that it is told",
    Kind.NULL: "compare it with NULL first: if (!p) return ...;",
    Kind.NO_POINTER: "read what it points to by a helper (bpf_probe_read_kernel), or keep the pointer in a "
    "variable of its own type",
    Kind.STALE: "read data and data_end from the context again behind the call, and check again",
    Kind.STACK_ACCESS: "let the index stay within the array on the stack: check it, or mask it",
    Kind.UNINITIALISED: "give it a value on every way there: struct key k = {};",
    Kind.CONTEXT: "use the fields of the context by name; which may be written depends on the program's type",
    Kind.READ_ONLY: "write to a copy, or to a map or a variable that is not const",
    Kind.ARGUMENT: "give it an argument of the type that it takes",
    Kind.HELPER: "use another helper, or another type of program; guard it with bpf_core_enum_value_exists() "
    "where kernels differ",
    Kind.MISSING: "run it on a newer kernel, or declare it __weak and test for it",
    Kind.LICENCE: 'declare char LICENSE[] SEC("license") = "GPL";, or do without it',
    Kind.SLEEP: 'use a sleepable section (SEC("fentry.s/...")), or a helper that does not sleep',
    Kind.RETURN: "return one of the values that programs of this type may, on every way out",
    Kind.REFERENCE: "release it on every way out of the program, those of errors too",
    Kind.LOCK: "unlock it on every way out, and call nothing in between",
    Kind.FIELD: "use the helpers for it: bpf_spin_lock(), bpf_timer_init(), bpf_kptr_xchg(), ...",
    Kind.UNREACHABLE: "take out the code, or the jump over it",
    Kind.LOOP: "let a counter with a constant limit end the loop, or use bpf_loop() or bpf_for(); "
    "no function may call itself",
    Kind.COMPLEX: "make the loop shorter, use bpf_loop() (5.17) or bpf_for() (6.4), or move parts into "
    "global functions, which are checked once",
    Kind.CALLS: "have functions inlined (static __always_inline), and none call itself: make it a loop",
    Kind.STACK_DEPTH: "move large variables to a per-CPU array of one entry",
    Kind.POINTER: "do arithmetic with a number, and add that to the pointer",
    Kind.LEAK: "store or return a number instead",
    Kind.DYNPTR: "make it first, test that this worked, and release it on every way out",
    Kind.STRUCT: "compile with BTF of the kernel and preserve_access_index, so that offsets are relocated",
    Kind.ALIGNMENT: "keep fields at multiples of their size, or copy them by __builtin_memcpy",
    Kind.BTF: "declare it as the kernel does: bpftool btf dump file /sys/kernel/btf/vmlinux format c",
}
