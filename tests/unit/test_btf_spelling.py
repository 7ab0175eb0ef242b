"""C declarators, spelled from BTF."""

from __future__ import annotations

import pytest

from pytest_ebpf.btf.spelling import declare
from pytest_ebpf.errors import BtfError


def qualified(builder, target, *kinds):
    for kind in kinds:
        target = builder.add(kind, "", target)
    return target


VOLATILE, CONST, RESTRICT = 9, 10, 11


def test_plain_types(builder):
    number = builder.int("unsigned int", 4)
    names = {
        0: "void",
        number: "unsigned int",
        builder.typedef("u32", number): "u32",
        builder.struct("rule", 0): "struct rule",
        builder.struct("", 0, union=True): "union {...}",
        builder.add(7, "later", flag=True): "union later",
        builder.enum("state", ("A", 1)): "enum state",
        builder.add(16, "double", 8): "double",
        builder.add(15, ".data", 0): ".data",
    }
    btf = builder.btf()
    assert {type_id: btf.name(type_id) for type_id in names} == names


def test_pointers_arrays_and_functions(builder):
    rule = builder.struct("rule", 8)
    pointer = builder.ptr(rule)
    number = builder.int("int", 4)
    proto = builder.proto(number, ("a", pointer), ("", 0))
    names = {
        builder.array(pointer, 4): "struct rule *[4]",
        builder.ptr(builder.array(rule, 4)): "struct rule (*)[4]",
        builder.array(builder.array(number, 2), 3): "int[3][2]",
        builder.ptr(proto): "int (*)(struct rule *a, ...)",
        builder.array(builder.ptr(builder.proto(0)), 2): "void (*[2])(void)",
        builder.ptr(builder.proto(builder.ptr(proto))): "int (*(*)(void))(struct rule *a, ...)",
    }
    btf = builder.btf()
    assert {type_id: btf.name(type_id) for type_id in names} == names


def test_qualifiers_stand_where_they_belong(builder):
    char = builder.int("char", 1)
    names = {
        builder.ptr(qualified(builder, char, CONST)): "const char *",
        qualified(builder, builder.ptr(char), CONST): "char *const",
        qualified(builder, builder.ptr(qualified(builder, char, VOLATILE)), RESTRICT, CONST): (
            "volatile char *const restrict"
        ),
        qualified(builder, builder.array(char, 2), CONST): "const char[2]",
        qualified(builder, char, CONST, CONST): "const char",
        builder.ptr(builder.add(18, "user", char)): "char *",
        qualified(builder, char, RESTRICT): "char",
    }
    btf = builder.btf()
    assert {type_id: btf.name(type_id) for type_id in names} == names


def test_functions_and_variables_have_their_name(builder):
    number = builder.int("int", 4)
    function = builder.add(12, "main", builder.proto(number, ("argc", number)))
    variable = builder.add(14, "count", builder.array(number, 2), 1)
    btf = builder.btf()
    assert btf.name(function) == "int main(int argc)"
    assert btf.name(variable) == "int count[2]"


def test_a_declaration_takes_its_name_in_the_middle(builder):
    number = builder.int("int", 4)
    handler = builder.array(builder.ptr(builder.proto(number)), 3)
    assert declare(builder.btf(), handler, "handlers", lambda _: "int") == "int (*handlers[3])(void)"


def test_nests_that_only_nonsense_has(builder):
    """Each function takes ten of the next: without a bound that is ten to the tenth."""
    for depth in range(2, 12):
        builder.proto(0, *[("x", depth)] * 10)
    builder.proto(0)
    with pytest.raises(BtfError) as caught:
        builder.btf().name(1)
    assert str(caught.value) == "BTF: function types nested without end; build the object again"
