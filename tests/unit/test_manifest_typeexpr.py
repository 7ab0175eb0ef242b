"""Type expressions and the sizes of declared types."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_ebpf.manifest import Layout, Manifest, TypeExpr, layout
from pytest_ebpf.manifest.defect import DefectError
from pytest_ebpf.manifest.typeexpr import meant, parse

Read = Callable[[str], Manifest]


@pytest.mark.parametrize(
    ("text", "expr"),
    [
        ("u32", TypeExpr("u32")),
        ("char[16]", TypeExpr("char", (16,))),
        ("rule[4][2]", TypeExpr("rule", (4, 2))),
        ("  u8 [ 6 ] ", TypeExpr("u8", (6,))),
        ("_a1[4194304]", TypeExpr("_a1", (4194304,))),
    ],
)
def test_a_type_expression(text: str, expr: TypeExpr) -> None:
    assert parse(text) == expr
    assert str(expr) == text.replace(" ", "")


def test_the_element_of_an_array_is_what_its_first_dimension_counts() -> None:
    assert parse("u32[4][2]").element == parse("u32[2]")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", 'not a type (seen "")', 'write a name, or an array as in "u32[4]"'),
        ("u32 *", 'not a type (seen "u32 *")', 'write a name, or an array as in "u32[4]"'),
        ("unsigned int", 'not a type (seen "unsigned int")', 'did you mean "u32"?'),
        ("struct rule[4]", 'not a type (seen "struct rule[4]")', 'did you mean "rule[4]"?'),
        ("unsigned rule", 'not a type (seen "unsigned rule")', 'write a name, or an array as in "u32[4]"'),
        ("u32[4", 'not a type (seen "u32[4")', 'write a name, or an array as in "u32[4]"'),
        ("[4]u32", 'not a type (seen "[4]u32")', 'write a name, or an array as in "u32[4]"'),
        ("u32[]", 'array length must be a number (seen "u32[]")', 'write it as in "u32[4]"'),
        ("u32[N]", 'array length must be a number (seen "u32[N]")', 'write it as in "u32[4]"'),
        ("u32[-1]", 'array length must be a number (seen "u32[-1]")', 'write it as in "u32[4]"'),
        ("u32[0]", 'array length must be 1 to 4194304 (seen "u32[0]")', None),
        ("u32[4194305]", 'array length must be 1 to 4194304 (seen "u32[4194305]")', None),
    ],
)
def test_what_is_no_type_expression(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(DefectError) as caught:
        parse(text)
    assert (caught.value.what, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "size", "align"),
    [
        ("u8", 1, 1),
        ("s16", 2, 2),
        ("u32", 4, 4),
        ("s64", 8, 8),
        ("bool", 1, 1),
        ("char[16]", 16, 1),
        ("be64", 8, 8),
        ("ipv4", 4, 4),
        ("ipv6", 16, 1),
        ("mac", 6, 1),
        ("ipv4_prefix", 8, 4),
        ("ipv6_prefix", 20, 4),
        ("u32[4][2]", 32, 4),
        ("small", 1, 1),
        ("action", 4, 4),
        ("padded", 16, 8),
        ("tail", 8, 4),
        ("nested", 56, 8),
        ("either", 20, 4),
        ("either[3]", 60, 4),
    ],
)
def test_sizes_follow_the_rules_of_c(manifest_of: Read, text: str, size: int, align: int) -> None:
    manifest = manifest_of(
        """
        [types]
        small = { enum = ["A"], type = "u8" }
        action = { enum = { B = 7 } }
        padded = { struct = { flag = "bool", count = "u64" } }
        tail = { struct = { count = "u32", flag = "u8" } }
        nested = { struct = { first = "padded[3]", port = "be16", kind = "small" } }
        either = { union = { six = "ipv6", four = "ipv4", text = "char[17]" } }
        """
    )
    assert layout(manifest, parse(text)) == Layout(size, align)


def test_the_size_of_a_type_that_is_not_declared(manifest_of: Read) -> None:
    manifest = manifest_of("[types.rule]\nstruct = { hits = 'u64' }")
    with pytest.raises(DefectError) as caught:
        layout(manifest, TypeExpr("rules"))
    assert (caught.value.what, caught.value.hint) == ('unknown type (seen "rules")', 'did you mean "rule"?')


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("int", "s32"),
        ("unsigned  long long[4]", "u64[4]"),
        ("unsigned char[16]", "u8[16]"),
        ("__be16", "be16"),
        ("uint8_t[2][3]", "u8[2][3]"),
        ("int64_t", "s64"),
        ("enum action", "action"),
        ("u32", None),
        ("char[16]", None),
        ("void *", None),
        ("4", None),
    ],
)
def test_types_as_c_calls_them(text: str, ours: str | None) -> None:
    assert meant(text) == ours
    if ours:
        assert str(parse(ours)) == ours
