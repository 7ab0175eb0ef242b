"""Our reading of BTF against bpftool's, type by type."""

from __future__ import annotations

import pytest
from btftypes import assert_same, bpftool

from pytest_ebpf import elf
from pytest_ebpf.btf import Btf, Struct


@pytest.mark.parametrize("line", ["5.10", "7.2"])
def test_every_type_of_a_kernel(kernel_btf, line):
    path = kernel_btf(line)
    assert_same(Btf.parse(path.read_bytes()), bpftool(path))


def test_every_type_of_an_object(compile_bpf):
    path = compile_bpf(
        """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        enum small { A = 1, B = -1 };
        enum large { C = 0x100000000ULL };
        struct bits { int a : 3; int : 5; unsigned int b : 9; long d[2]; union { char c; _Bool e; }; };
        typedef int (*callback)(const struct bits *, volatile char *restrict, ...);
        struct bits bits; enum small small; enum large large; callback call; float number;
        static volatile int hidden;
        int tagged __attribute__((btf_decl_tag("a tag"))); int __attribute__((btf_type_tag("user"))) *pointer;
        struct later; struct later *later; union other *other;
        __noinline int global_function(int x) { return x + hidden; }
        SEC("xdp") int program(struct xdp_md *ctx) { return global_function(ctx->data); }
        """
    )
    data = elf.section(path.read_bytes(), ".BTF")
    assert data is not None
    assert_same(Btf.parse(data), bpftool(path))


def test_a_big_endian_object_reads_like_a_little_endian_one(compile_bpf):
    source = """
        struct rule { int action : 3; long hits[3]; enum { ONE = 1 } e; } rule;
        int read_it(void) { return rule.hits[1]; }
    """
    little, big = (
        Btf.parse(elf.section(compile_bpf(source, "-target", target).read_bytes(), ".BTF") or b"")
        for target in ("bpfel", "bpfeb")
    )
    assert little.little_endian
    assert not big.little_endian
    little_types, big_types = ([btf.type(each) for each in range(len(btf))] for btf in (little, big))
    assert len(little_types) > 8
    # Bit fields count from the other end; all else is the same.
    assert [each for each in little_types if not isinstance(each, Struct)] == [
        each for each in big_types if not isinstance(each, Struct)
    ]
