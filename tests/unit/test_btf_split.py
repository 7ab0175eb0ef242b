"""The BTF of modules, built upon the kernel's."""

from __future__ import annotations

import struct

import pytest

from pytest_ebpf.btf.split import function_names
from pytest_ebpf.errors import BtfError


def module(*types: tuple[int, int], strings: bytes = b"\0") -> bytes:
    """Split BTF of types without entries: (kind, offset of the name)."""
    words = [word for kind, name in types for word in (name, kind << 24, 0)]
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(words) * 4, len(words) * 4, len(strings))
    return header + struct.pack(f"<{len(words)}I", *words) + strings


def test_functions_are_named_in_its_own_strings_or_the_kernels(builder):
    builder.int("shared", 4)
    base = builder.btf()
    own = base.strings_size
    data = module((12, own + 1), (12, 1), (8, own + 7), strings=b"\0alloc\0type\0")
    assert function_names(data, base) == {"alloc", "shared"}


def test_malformed(builder):
    base = builder.btf()
    with pytest.raises(BtfError) as caught:
        function_names(module((12, 99)), base)
    assert str(caught.value) == "BTF: string 99 is past the end (2)"
    with pytest.raises(BtfError) as caught:
        function_names(builder.data(">"), base)
    assert str(caught.value) == "BTF: of another byte order than the kernel's; fetch the kernel again"
