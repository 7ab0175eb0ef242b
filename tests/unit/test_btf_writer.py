"""The C text of kernel types: order, layout, names. Whether clang agrees is tests/toolchain's business."""

from __future__ import annotations

from textwrap import dedent

import pytest

from pytest_ebpf.btf.header import full, minimal
from pytest_ebpf.btf.layout import padding
from pytest_ebpf.errors import BtfError


def body(header: str) -> str:
    """What stands between the pragmas, without empty lines."""
    lines = header.partition("#endif\n\n")[2].partition("#ifndef")[0].splitlines()
    return "\n".join(line for line in lines if line)


def c(text: str) -> str:
    return dedent(text).strip("\n").replace("    ", "\t")


def test_a_header_is_guarded_and_asks_for_relocations(builder):
    text = full(builder.btf())
    assert text.startswith("#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n")
    assert "#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)" in text
    assert text.endswith("#pragma clang attribute pop\n#endif\n\n#endif /* __VMLINUX_H__ */\n")


def test_what_is_contained_comes_first_and_what_is_pointed_to_is_declared(builder):
    b = builder
    number = b.int("int", 4)
    b.struct("outer", 24, ("inner", 3, 0), ("next", 4, 64), ("alias", 5, 128))
    b.struct("inner", 8, ("a", number, 0), ("b", number, 32))
    b.ptr(6)
    b.ptr(7)
    b.struct("later", 4, ("a", number, 0))
    b.typedef("later_t", 6)
    assert body(full(b.btf())) == c(
        """
        struct inner {
            int a;
            int b;
        };
        struct later;
        typedef struct later later_t;
        struct outer {
            struct inner inner;
            struct later *next;
            later_t *alias;
        };
        struct later {
            int a;
        };
        """
    )


def test_anonymous_members_stand_where_they_are_used(builder):
    b = builder
    number = b.int("int", 4)
    choice = b.struct("", 4, ("a", number, 0), ("b", number, 0), union=True)
    state = b.enum("", ("IDLE", 0), ("BUSY", 1))
    b.struct("job", 8, ("", choice, 0), ("state", state, 32))
    assert body(full(b.btf())) == c(
        """
        struct job {
            union {
                int a;
                int b;
            };
            enum {
                IDLE = 0,
                BUSY = 1,
            } state;
        };
        """
    )


def test_an_anonymous_enum_used_twice_has_other_names_the_second_time(builder):
    state = builder.enum("", ("IDLE", 0))
    builder.struct("one", 4, ("state", state, 0))
    builder.struct("two", 4, ("state", state, 0))
    text = body(full(builder.btf()))
    assert text.index("IDLE = 0") < text.index("IDLE___2 = 0")


def test_a_struct_with_a_tag_as_anonymous_member(builder):
    """Linux 6.19 and later are built with -fms-extensions; plain C wants the members without the tag."""
    number = builder.int("int", 4)
    base = builder.struct("base", 4, ("a", number, 0))
    builder.struct("derived", 8, ("", base, 0), ("b", number, 32))
    assert "struct derived {\n\tstruct {\n\t\tint a;\n\t};\n\tint b;\n}" in body(full(builder.btf()))


def test_holes_are_padded_without_names(builder):
    b = builder
    byte, number = b.int("char", 1), b.int("int", 4)
    b.struct("aligned", 64, ("a", byte, 0), ("b", number, 24 * 8), ("c", byte, 32 * 8))
    assert body(full(b.btf())) == c(
        """
        struct aligned {
            char a;
            char : 8;
            short : 16;
            int : 32;
            long : 64;
            long : 64;
            int b;
            int : 32;
            char c;
            char : 8;
            short : 16;
            int : 32;
            long : 64;
            long : 64;
            long : 64;
        };
        """
    )


def test_what_padding_cannot_do_packing_does(builder):
    byte, number = builder.int("char", 1), builder.int("int", 4)
    builder.struct("packed", 5, ("a", byte, 0), ("b", number, 8))
    builder.struct("holder", 6, ("p", 3, 0), ("c", byte, 40))
    text = body(full(builder.btf()))
    assert "struct packed {\n\tchar a;\n\tint b;\n} __attribute__((packed));" in text
    assert "struct holder {\n\tstruct packed p;\n\tchar c;\n};" in text


def test_bit_fields_keep_their_places(builder):
    number = builder.int("int", 4)
    builder.bits("flags", 8, ("a", number, 0, 3), ("b", number, 5, 4), ("c", number, 32, 31))
    assert body(full(builder.btf())) == c(
        """
        struct flags {
            int a : 3;
            char : 2;
            int b : 4;
            int c : 31;
        };
        """
    )


def test_a_union_larger_than_its_members(builder):
    builder.struct("page", 64, ("a", builder.int("int", 4), 0), union=True)
    assert "union page {\n\tint a;\n\tchar __padding[64];\n};" in body(full(builder.btf()))


@pytest.mark.parametrize(
    ("position", "bits", "fields"),
    [
        (0, 0, []),
        (3, 2, ["char : 2;"]),
        (3, 9, ["char : 5;", "char : 4;"]),
        (16, 48, ["short : 16;", "int : 32;"]),
        (64, 128, ["long : 64;", "long : 64;"]),
    ],
)
def test_padding_is_aligned_as_it_grows(position, bits, fields):
    assert padding(position, bits) == fields


def test_enums_of_other_sizes_and_values(builder):
    builder.enum("small", ("A", 1), size=1)
    builder.enum("negative", ("B", -5), signed=True)
    builder.enum64("large", ("C", 1 << 63), ("D", 1 << 40))
    builder.enum64("least", ("E", -(1 << 63)), signed=True)
    builder.enum("declared")
    text = body(full(builder.btf()))
    assert "enum small {\n\tA = 1,\n} __attribute__((mode(byte)));" in text
    assert "\tB = -5,\n" in text
    assert "\tC = 9223372036854775808ULL,\n\tD = 1099511627776LL,\n" in text
    assert "\tE = -0x7fffffffffffffffLL - 1,\n" in text
    assert "enum declared;" in text


def test_names_that_stand_for_several_types(builder):
    number = builder.int("int", 4)
    builder.add(7, "rule")
    builder.struct("rule", 4, ("first", number, 0))
    builder.struct("rule", 4, ("second", number, 0))
    builder.add(7, "rule", flag=True)
    builder.typedef("rule", number)
    builder.typedef("rule", builder.ptr(number))
    builder.enum("one", ("X", 1))
    builder.enum("two", ("X", 2))
    builder.enum("three", ("rule", 3))
    text = body(full(builder.btf()))
    assert "struct rule {\n\tint first;\n};" in text
    assert "struct rule___2 {\n\tint second;\n};" in text
    assert "typedef int rule;" in text
    assert "typedef int *rule___2;" in text
    assert ("enum one {\n\tX = 1,\n};" in text, "enum two {\n\tX___2 = 2,\n};" in text) == (True, True)
    assert "enum three {\n\trule___2 = 3,\n};" in text


def test_a_forward_declaration_means_the_first_definition_of_its_kind(builder):
    later = builder.add(7, "rule")
    union = builder.add(7, "rule", flag=True)
    builder.struct("user", 16, ("a", builder.ptr(later), 0), ("b", builder.ptr(union), 64))
    builder.struct("rule", 0)
    text = body(full(builder.btf()))
    assert "\tstruct rule *a;\n\tunion rule___2 *b;\n" in text


def test_taken_names_get_a_flavour(builder):
    number = builder.int("int", 4)
    key = builder.struct("key", 4, ("a", number, 0))
    builder.struct("keys", 4, ("first", key, 0))
    builder.enum("action", ("DROP", 1))
    text = body(full(builder.btf(), taken={"key", "DROP"}))
    assert "struct key___kernel {" in text
    assert "struct keys {\n\tstruct key___kernel first;\n};" in text
    assert "DROP___kernel = 1" in text
    text = body(minimal(builder.btf(), {"key___kernel"}, taken={"key"}))
    assert text == "struct key___kernel {\n\tint a;\n};"
    assert body(minimal(builder.btf(), {"key"}, taken={"key"})) == ""


@pytest.fixture
def chain(builder):
    """task -> mm (by pointer) -> file (by pointer), and an enum."""
    number = builder.int("int", 4)
    file = builder.struct("file", 4, ("mode", number, 0))
    mm = builder.struct("mm", 16, ("exe", builder.ptr(file), 0), ("other", builder.ptr(file), 64))
    builder.struct("task", 8, ("mm", builder.typedef("mm_t", builder.ptr(mm)), 0))
    builder.enum("state", ("IDLE", 0), ("BUSY", 1))
    return builder.btf()


def test_only_what_is_named_is_there(chain):
    assert body(minimal(chain, set())) == ""
    assert body(minimal(chain, {"BUSY"})) == "enum state {\n\tIDLE = 0,\n\tBUSY = 1,\n};"
    assert "struct mm;" in body(minimal(chain, {"task"}))
    assert "struct mm {" not in body(minimal(chain, {"task"}))


def test_pointers_are_followed_through_the_members_that_are_named(chain):
    through = body(minimal(chain, {"task", "mm"}))
    assert "struct mm {" in through
    assert "struct file;" in through
    assert "struct file {" in body(minimal(chain, {"task", "mm", "exe"}))
    assert "struct file {" in body(minimal(chain, {"file"}))


def test_libbpf_s_own_types_are_always_there(builder):
    number = builder.int("unsigned int", 4)
    builder.typedef("__u32", number)
    builder.struct("pt_regs", 4, ("di", number, 0))
    assert body(minimal(builder.btf(), set())) == (
        "typedef unsigned int __u32;\nstruct pt_regs {\n\tunsigned int di;\n};"
    )


def test_a_struct_that_contains_itself(builder):
    builder.struct("loop", 8, ("again", 1, 0))
    with pytest.raises(BtfError) as caught:
        full(builder.btf())
    assert str(caught.value) == "BTF: struct loop (type 1) contains itself"


def test_members_that_overlap(builder):
    number = builder.int("int", 4)
    builder.struct("overlap", 8, ("a", number, 0), ("b", number, 16))
    with pytest.raises(BtfError) as caught:
        full(builder.btf())
    assert str(caught.value) == "BTF: struct overlap (type 2): members overlap"


def test_a_chain_without_end(builder):
    for number in range(300):
        builder.struct(f"s{number}", 8, ("next", number + 2, 0))
    builder.int("long", 8)
    with pytest.raises(BtfError, match="contains itself"):
        full(builder.btf())
