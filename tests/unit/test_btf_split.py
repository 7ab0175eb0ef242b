"""The BTF of modules, built upon the kernel's."""

from __future__ import annotations

import struct

import pytest

from pytest_ebpf.btf import Func, Struct, Typedef
from pytest_ebpf.btf.split import names_in
from pytest_ebpf.errors import BtfError


def module(*types: tuple[int, int], strings: bytes = b"\0") -> bytes:
    """Split BTF of types without entries: (kind, offset of the name)."""
    words = [word for kind, name in types for word in (name, kind << 24, 0)]
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(words) * 4, len(words) * 4, len(strings))
    return header + struct.pack(f"<{len(words)}I", *words) + strings


def test_types_are_named_in_its_own_strings_or_the_kernels(builder):
    builder.int("shared", 4)
    base = builder.btf()
    own = base.strings_size
    data = module((12, own + 1), (12, 1), (8, own + 7), strings=b"\0alloc\0type\0")
    assert names_in(data, base, Func) == {"alloc", "shared"}
    assert names_in(data, base, Struct, Typedef) == {"type"}


def test_malformed(builder):
    base = builder.btf()
    with pytest.raises(BtfError) as caught:
        names_in(module((12, 99)), base, Func)
    assert str(caught.value) == "BTF: string 99 is past the end (2)"
    with pytest.raises(BtfError) as caught:
        names_in(builder.data(">"), base, Func)
    assert str(caught.value) == "BTF: of another byte order than the kernel's; fetch the kernel again"
