"""What instructions and kinds of BTF ask for."""

from __future__ import annotations

import pytest
from needs import names

from pytest_ebpf.requirements import Kind

ATOMICS = """
__u64 total; __u32 word;
SEC("tc") int program(struct __sk_buff *skb)
{
    __sync_fetch_and_add(&total, 1);
    return __sync_fetch_and_add(&total, 2) + __sync_fetch_and_or(&total, 4)
        + __sync_fetch_and_and(&total, 4) + __sync_fetch_and_xor(&total, 4)
        + __sync_lock_test_and_set(&total, 5) + __sync_val_compare_and_swap(&word, 5, 6);
}
"""
#: One line of assembler in a program of its own.
LINES = {
    "if r1 < r2 goto +0": "jump_less",
    "if w1 == w2 goto +0": "jump32",
    "w2 = 5; w3 = 6": "alu32",
    "r2 = *(s16 *)(r1 + 0)": "sign_extended_load",
    "r2 = (s8)r1": "sign_extended_move",
    "w2 = (s16)w1": "sign_extended_move",
    "r2 s/= r1": "signed_divide",
    "r2 s%= 3": "signed_modulo",
    "r2 = bswap32 r2": "byte_swap",
    "gotol +0": "goto_long",
    "may_goto +0": "may_goto",
    "r2 = addr_space_cast(r1, 0, 1)": "address_space_cast",
    "r0 = *(u8 *)skb[23]": "packet_access",
    "lock *(u64 *)(r1 + 0) += r2": "atomic_add",
    "r2 = be16 r2": None,
    "if r1 > r2 goto +0": None,
}


@pytest.mark.parametrize("line", LINES)
def test_instructions_that_not_every_kernel_knows(read, line):
    source = f"""
    SEC("tc") __attribute__((naked)) int program(void *context)
    {{
        asm volatile("{line}; r0 = 0; exit;");
    }}
    """
    expected = LINES[line]
    assert names(read, source, Kind.INSTRUCTION, "-mcpu=v4") == ([expected] if expected else [])


def test_atomics_have_words_of_their_own(read):
    expected = {"alu32", "atomic_add", "xchg", "cmpxchg"}
    expected |= {f"atomic_fetch_{operation}" for operation in ("add", "or", "and", "xor")}
    assert set(names(read, ATOMICS, Kind.INSTRUCTION)) == expected


def test_a_callback_is_an_address_of_a_function(read):
    source = """
    static long callback(int i, void *c) { return 0; }
    SEC("tc") int program(void *s) { return bpf_loop(2, callback, 0, 0); }
    """
    assert "function_address" in names(read, source, Kind.INSTRUCTION)


def test_acquiring_and_releasing(read):
    """Put in by their codes: clang 19 does not make them."""
    source = """
    SEC("tc") int program(void *s)
    {
        long x = 0;
        asm volatile(".byte 0xdb, 0xa1, 0xf8, 0xff, 0x00, 0x01, 0, 0\\n"
                     ".byte 0xd3, 0x1a, 0xf8, 0xff, 0x10, 0x01, 0, 0\\n" ::: "r1", "memory");
        return 0;
    }
    """
    (program,) = read(source).programs
    needs = {each.name: each.always for each in program.requirements if each.kind is Kind.INSTRUCTION}
    # Kernels before 5.12 know no atomics but one, and refuse others even where they are never reached.
    atomics = {"load_acquire": False, "store_release": True, "atomic_fetch_add": True}
    assert needs == {**atomics, "alu32": True}


def test_kinds_of_btf(read):
    found = read(
        """
        enum wide { LARGE = 1ull << 40 };
        enum wide wide; float number;
        int tagged __attribute__((btf_decl_tag("a tag")));
        int __attribute__((btf_type_tag("user"))) *pointer;
        SEC("xdp") int program(void *c) { return 0; }
        """
    ).common
    kinds = [each for each in found if each.kind is Kind.BTF_KIND]
    assert {each.name for each in kinds} == {
        "func", "var", "datasec", "float", "decl_tag", "type_tag", "enum64",
    }  # fmt: skip
    assert all(each.weak for each in kinds)  # libbpf writes them anew for kernels that do not know them
