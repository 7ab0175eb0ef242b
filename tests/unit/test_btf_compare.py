"""Types of an object held against a kernel's: as fields, as types, and member by member."""

from __future__ import annotations

import pytest

from pytest_ebpf.btf.compare import Comparison

FWD, FLOAT = 7, 16


def number(builder) -> int:
    return builder.int("int", 4, signed=True)


def struct(builder, name: str, *members: str, union: bool = False) -> int:
    """A struct of numbers, or a union."""
    each = number(builder)
    fields = [(member, each, 0 if union else place * 32) for place, member in enumerate(members)]
    return builder.struct(name, 4 * len(members), *fields, union=union)


TYPES = {
    "void": lambda b: 0,
    "int": number,
    "unsigned": lambda b: b.int("unsigned", 4),
    "unsigned int": lambda b: b.int("int", 4),
    "long int": lambda b: b.int("int", 8, signed=True),
    "float": lambda b: b.add(FLOAT, "float", 4),
    "typedef int t": lambda b: b.typedef("t", number(b)),
    "typedef int u": lambda b: b.typedef("u", number(b)),
    "void *": lambda b: b.ptr(0),
    "int *": lambda b: b.ptr(number(b)),
    "t *": lambda b: b.ptr(b.typedef("t", number(b))),
    "int[2]": lambda b: b.array(number(b), 2),
    "int[3]": lambda b: b.array(number(b), 3),
    "int[0]": lambda b: b.array(number(b), 0),
    "void *[2]": lambda b: b.array(b.ptr(0), 2),
    "struct p { x }": lambda b: struct(b, "p", "x"),
    "struct p { y }": lambda b: struct(b, "p", "y"),
    "struct p { x y }": lambda b: struct(b, "p", "x", "y"),
    "struct p { x x___2 }": lambda b: struct(b, "p", "x", "x___2"),
    "struct q { x }": lambda b: struct(b, "q", "x"),
    "union p { x }": lambda b: struct(b, "p", "x", union=True),
    "struct p": lambda b: b.add(FWD, "p"),
    "struct q": lambda b: b.add(FWD, "q"),
    "struct p { x } *": lambda b: b.ptr(struct(b, "p", "x")),
    "struct p___2 { y } *": lambda b: b.ptr(struct(b, "p___2", "y")),
    "struct q { x } *": lambda b: b.ptr(struct(b, "q", "x")),
    "struct p *": lambda b: b.ptr(b.add(FWD, "p")),
    "union p *": lambda b: b.ptr(b.add(FWD, "p", flag=True)),
    "struct p { x }[2]": lambda b: b.array(struct(b, "p", "x"), 2),
    "struct p { y }[2]": lambda b: b.array(struct(b, "p", "y"), 2),
    "enum e { A }": lambda b: b.enum("e", ("A", 1)),
    "enum e { B }": lambda b: b.enum("e", ("B", 1)),
    "enum e { A___2 }": lambda b: b.enum("e", ("A___2", 2)),
    "enum e { A A___2 }": lambda b: b.enum("e", ("A", 1), ("A___2", 2)),
    "enum e { B A }": lambda b: b.enum("e", ("B", 0), ("A", 5)),
    "enum e : long { A }": lambda b: b.enum64("e", ("A", 1)),
    "enum f { A }": lambda b: b.enum("f", ("A", 1)),
    "enum { A }": lambda b: b.enum("", ("A", 1)),
    "void f(int x)": lambda b: b.proto(0, ("x", number(b))),
    "void f(int y)": lambda b: b.proto(0, ("y", number(b))),
    "void f(void *x)": lambda b: b.proto(0, ("x", b.ptr(0))),
    "void f()": lambda b: b.proto(0),
    "int f()": lambda b: b.proto(number(b)),
}


@pytest.mark.parametrize(
    ("ours", "theirs", "alike"),
    [
        ("void", "void", "types matches"),
        ("int", "int", "fields types matches"),
        ("int", "unsigned", "fields types"),
        ("int", "unsigned int", "fields types"),
        ("int", "long int", "fields types"),
        ("int", "void *", ""),
        ("float", "float", "fields"),
        ("typedef int t", "typedef int u", "fields types matches"),
        ("typedef int t", "int", "fields matches"),
        ("t *", "int *", "fields types matches"),
        ("void *", "void *", "fields types matches"),
        ("void *", "int *", "fields"),
        ("int *", "int[0]", ""),
        ("int[2]", "int[2]", "fields types matches"),
        ("int[2]", "int[3]", "fields types"),
        ("int[2]", "void *[2]", ""),
        ("struct p { x }[2]", "struct p { y }[2]", "fields types"),
        ("struct p { x }", "struct p { x y }", "fields types matches"),
        ("struct p { y }", "struct p { x y }", "fields types matches"),
        ("struct p { x y }", "struct p { x }", "fields types"),
        ("struct p { x x___2 }", "struct p { x }", "fields types"),
        ("struct p { x }", "struct q { x }", "fields types"),
        ("struct p { x }", "union p { x }", "fields"),
        ("struct p { x }", "struct p", ""),
        ("struct p", "struct p { x }", ""),
        ("struct p", "struct p", "fields types matches"),
        ("struct p", "struct q", "types"),
        ("struct p { x } *", "struct p___2 { y } *", "fields types matches"),
        ("struct p { x } *", "struct q { x } *", "fields types"),
        ("struct p { x } *", "struct p *", "fields matches"),
        ("struct p *", "struct p { x } *", "fields matches"),
        ("struct p *", "union p *", "fields types"),
        ("enum e { A }", "enum e { B A }", "fields types matches"),
        ("enum e { A___2 }", "enum e { A }", "fields types matches"),
        ("enum e { A }", "enum e { B }", "fields types"),
        ("enum e { A A___2 }", "enum e { A }", "fields types"),
        ("enum e { A }", "enum e : long { A }", "fields types"),
        ("enum e { A }", "enum f { A }", "types"),
        ("enum { A }", "enum e { A }", "fields types"),
        ("enum e { A }", "enum { A }", "fields types"),
        ("void f(int x)", "void f(int y)", "types matches"),
        ("void f(int x)", "void f(void *x)", ""),
        ("void f(int x)", "void f()", ""),
        ("void f()", "void f(int x)", ""),
        ("void f()", "int f()", ""),
    ],
)
def test_how_two_types_are_alike(builder, ours, theirs, alike):
    kernel = type(builder)()
    ids = TYPES[ours](builder), TYPES[theirs](kernel)
    local, target = builder.btf(), kernel.btf()
    found = [
        each for each in ("fields", "types", "matches") if getattr(Comparison(local, target), each)(*ids)
    ]
    assert found == alike.split()
