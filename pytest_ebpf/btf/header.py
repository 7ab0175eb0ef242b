"""C text of ``vmlinux.h`` from a kernel's BTF: everything, or just what a program uses.

Structs are written with ``preserve_access_index``, so that clang leaves a CO-RE relocation at every access.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pytest_ebpf.btf.naming import Names
from pytest_ebpf.btf.reader import Btf
from pytest_ebpf.btf.types import Enum, Struct, Typedef
from pytest_ebpf.btf.writer import Writer

#: What libbpf's own headers use, and the names of integers that no source should have to ask for.
ALWAYS: Final = frozenset(
    [f"{prefix}{sign}{bits}" for prefix in ("", "__") for sign in "us" for bits in (8, 16, 32, 64)]
    + [f"__{order}{bits}" for order in ("be", "le") for bits in (16, 32, 64)]
    + [f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)]
    + ["__sum16", "__wsum", "bool", "true", "false", "size_t", "ssize_t", "uintptr_t", "pid_t"]
    + ["pt_regs", "bpf_iter_num"]
)

_TOP = """\
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

"""
_BOTTOM = """\
#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
"""


def full(btf: Btf, taken: Collection[str] = (), ordinary: Collection[str] = ()) -> str:
    """Every named struct, union, enum and typedef of the kernel, and all enum constants.

    A type or a constant whose name is *taken* by the program is called ``NAME___kernel``, as is a typedef or
    a constant that is called like one of its functions or variables, which are *ordinary* names of C.
    """
    writer = Writer(btf, Names(btf, taken, ordinary))
    writer.define(type_id for type_id in btf.ids_of(Struct, Enum, Typedef) if btf.is_named(type_id))
    writer.define_constants(btf.ids_of(Enum))
    return f"{_TOP}{writer.text()}{_BOTTOM}"


def minimal(
    btf: Btf, identifiers: Collection[str], taken: Collection[str] = (), ordinary: Collection[str] = ()
) -> str:
    """What a program needs that says *identifiers*.

    Types and enums with a constant among *identifiers* are there in full, with all they contain. What a
    pointer leads to is there in full if the member that holds the pointer is among *identifiers*, for C
    can only go through a pointer by the member's name; else it is just declared. *taken* and *ordinary* are
    as for :func:`full`.

    *identifiers* are those of the program's own sources and headers: what libbpf's headers need is
    always there.
    """
    writer = Writer(btf, Names(btf, taken, ordinary), followed=frozenset(identifiers))
    wanted = ALWAYS.union(identifiers)
    writer.define(sorted({type_id for name in wanted for type_id in writer.meant(name)}))
    writer.define_constants(sorted({type_id for name in wanted for type_id in writer.holding(name)}))
    return f"{_TOP}{writer.text()}{_BOTTOM}"
