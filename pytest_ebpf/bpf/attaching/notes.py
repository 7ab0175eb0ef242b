"""The probes that a binary of user space has (USDT), by the notes that ``<sys/sdt.h>`` leaves in it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from pytest_ebpf.elf import Elf

_SECTION: Final = ".note.stapsdt"
#: Lengths of name and description, type (ELF-64 object file format: notes; each part padded to 4 bytes).
_HEADER: Final = struct.Struct("<III")
#: ``NT_STAPSDT`` of ``<sys/sdt.h>``; its description begins with three addresses.
_STAPSDT: Final = 3
_ADDRESSES: Final = 24


def probes_in(elf: Elf) -> set[str]:
    """The probes of a binary as ``provider:name``; what is malformed is left out."""
    section = elf.section(_SECTION)
    if section is None:
        return set()
    texts = (each[_ADDRESSES:].decode("utf-8", "replace") for each in _descriptions(section.data))
    found = (text.split("\0") for text in texts)
    return {f"{parts[0]}:{parts[1]}" for parts in found if len(parts) > 2}


def _descriptions(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + _HEADER.size <= len(data):
        name, description, kind = _HEADER.unpack_from(data, at)
        begin = at + _HEADER.size + _padded(name)
        if kind == _STAPSDT:
            yield data[begin : begin + description]
        at = begin + _padded(description)


def _padded(size: int) -> int:
    return (size + 3) // 4 * 4
