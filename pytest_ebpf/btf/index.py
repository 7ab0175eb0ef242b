"""An index beside a kernel's BTF, so that 5 MB are read once and looked into afterwards.

Reading BTF costs one pass over all types to know where each begins, and another over all names. The index
keeps both: the start of every type, and for every named type its id by the CRC-32 of its essential name,
sorted. With it, BTF that is mapped into memory is as good as read, and a lookup is a bisection.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from array import array
from bisect import bisect_left
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Final
from zlib import crc32

from pytest_ebpf.btf.names import essential
from pytest_ebpf.btf.reader import Btf, Words, spans, starts_of
from pytest_ebpf.errors import BtfError

#: Counts up when what follows the header changes.
_FORMAT: Final = 1
_MAGIC: Final = b"ebpfbtf\n"
#: Magic, format, the checksum of all that follows; then size and time of the BTF, and the two counts.
_HEADER: Final = struct.Struct("=8sII")
_COUNTS: Final = struct.Struct("=QQII")
_BODY: Final = _HEADER.size + _COUNTS.size
_LAST_ID: Final = 0xFFFFFFFF


class DamagedIndexError(BtfError):
    """An index that was cut short, changed, or made from another file."""


class IndexedBtf(Btf):
    """BTF whose types are found through an index. *keys* are ``crc32 << 32 | id``, rising."""

    def __init__(self, words: Words, strings: bytes, starts: Words, keys: Words) -> None:
        super().__init__(words, strings, little_endian=sys.byteorder == "little", starts=starts)
        self._keys = keys

    def _named(self, name: str) -> list[int]:
        return [each for each in self._hashed(essential(name)) if self._name(each) == name]

    def _flavoured(self, name: str) -> list[int]:
        return [each for each in self._hashed(name) if essential(self._name(each)) == name]

    def _hashed(self, name: str) -> list[int]:
        """The ids whose essential name has the checksum of *name*, by rising id."""
        checksum = crc32(name.encode()) << 32
        first = bisect_left(self._keys, checksum)
        last = bisect_left(self._keys, checksum | _LAST_ID, first)
        return [self._keys[at] & _LAST_ID for at in range(first, last)]

    def _name(self, type_id: int) -> str:
        return self.string(self._words[self._starts[type_id]])


def open_indexed(path: Path, index: Path) -> IndexedBtf:
    """The BTF in file *path* through the file *index*, which is made where it is missing or no good.

    About 1 ms with the index, 90 ms without. Where the index cannot be written (a cache that belongs to
    somebody else) it is made each time. :class:`BtfError` when the BTF is malformed or another machine's.
    """
    data = _mapped(path)
    order, types, strings = spans(data)
    if (order == "<") != (sys.byteorder == "little"):
        raise BtfError("of the other byte order", where=str(path), hint="give the BTF of an x86 kernel")
    words, text = data[types].cast("I"), bytes(data[strings])
    stamp = _stamp(path)
    try:
        return IndexedBtf(words, text, *_read(index, stamp))
    except (OSError, DamagedIndexError):
        starts = starts_of(words)
        keys = _keys(words, text, starts)
        with suppress(OSError):
            _write(index, stamp, starts, keys)
        return IndexedBtf(words, text, starts, keys)


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return memoryview(b"")  # which cannot be mapped
        return memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


class _Checksums(dict[int, int]):
    """The CRC-32 of the essential name at each place in a string table."""

    def __init__(self, strings: bytes) -> None:
        names = strings.split(b"\0")
        places = accumulate([len(name) + 1 for name in names], initial=0)
        super().__init__(zip(places, map(crc32, names), strict=False))
        self._strings = strings
        at = strings.find(b"___")
        while at >= 0:
            self._add(strings.rfind(b"\0", 0, at) + 1)
            at = strings.find(b"___", at + 1)

    def _add(self, place: int) -> int:
        end = self._strings.find(0, place)
        if end < 0:
            raise BtfError(f"string {place} is past the end ({len(self._strings)})", where="BTF")
        self[place] = crc32(essential(self._strings[place:end].decode("utf-8", "replace")).encode())
        return self[place]

    __missing__ = _add  # a name may begin in the midst of a string


def _keys(words: Words, strings: bytes, starts: Words) -> array[int]:
    """The sorted keys of all types that have a name."""
    checksums = _Checksums(strings)
    names = enumerate(map(words.__getitem__, starts[1:-1]), 1)
    return array("Q", sorted([checksums[place] << 32 | type_id for type_id, place in names if place]))


def _read(index: Path, stamp: tuple[int, int]) -> tuple[Words, Words]:
    """The starts and the keys in *index*; :class:`DamagedIndexError` unless it was made for *stamp*."""
    data = _mapped(index)
    if len(data) < _BODY:
        raise DamagedIndexError("cut short", where=str(index))
    magic, version, checksum = _HEADER.unpack_from(data)
    if (magic, version) != (_MAGIC, _FORMAT) or crc32(data[_HEADER.size :]) != checksum:
        raise DamagedIndexError("of another format, or changed", where=str(index))
    size, time, types, names = _COUNTS.unpack_from(data, _HEADER.size)
    if (size, time) != stamp or _BODY + types * 4 + names * 8 != len(data):
        raise DamagedIndexError("made from another file", where=str(index))
    middle = _BODY + types * 4
    return data[_BODY:middle].cast("I"), data[middle:].cast("Q")


def _write(index: Path, stamp: tuple[int, int], starts: array[int], keys: array[int]) -> None:
    """Write beside the place and rename: a reader sees all of it or nothing."""
    body = _COUNTS.pack(*stamp, len(starts), len(keys)) + starts.tobytes() + keys.tobytes()
    new = index.with_name(f".{index.name}.{os.getpid()}")
    try:
        new.write_bytes(_HEADER.pack(_MAGIC, _FORMAT, crc32(body)) + body)
        new.replace(index)
    finally:
        new.unlink(missing_ok=True)
