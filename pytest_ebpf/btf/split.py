"""The BTF of a kernel module, whose ids and strings go on where the kernel's end.

Source: ``btf__new_split`` of libbpf, and "Split BTF" in Documentation/bpf/btf.rst.
"""

from __future__ import annotations

from array import array

from pytest_ebpf.btf.decode import kind
from pytest_ebpf.btf.reader import Btf, spans, starts_of
from pytest_ebpf.btf.types import KIND_NUMBERS, TypeClass
from pytest_ebpf.errors import BtfError


def names_in(data: bytes, base: Btf, *kinds: TypeClass) -> frozenset[str]:
    """The names of *kinds* in *data*, the raw BTF of a module of the kernel whose BTF is *base*."""
    order, types, strings = spans(data)
    if (order == "<") != base.little_endian:
        raise BtfError("of another byte order than the kernel's", where="BTF", hint="fetch the kernel again")
    words, text = array("I", data[types]), data[strings]
    numbers = frozenset[int]().union(*(KIND_NUMBERS[each] for each in kinds))
    names = set()
    for start in starts_of(words)[1:-1]:
        if kind(words[start + 1]) in numbers:
            names.add(_string(words[start], text, base))
    return frozenset(names)


def _string(offset: int, text: bytes, base: Btf) -> str:
    """The string at *offset*, counted from the beginning of the kernel's strings."""
    own = offset - base.strings_size
    if own < 0:
        return base.string(offset)
    end = text.find(0, own)
    if end < 0:
        raise BtfError(f"string {offset} is past the end ({base.strings_size + len(text)})", where="BTF")
    return text[own:end].decode("utf-8", "replace")
