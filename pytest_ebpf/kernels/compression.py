"""Unpack what the kernel's build packs: the image's payload and the modules' files.

Formats are told by their first bytes, as the kernel's ``scripts/extract-vmlinux`` tells them.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from typing import Final

from pytest_ebpf.errors import KernelError

#: More than any kernel unpacks to (about 100 MiB with debugging); bounds a broken or hostile image.
LARGEST: Final = 1 << 30

#: ``lz4 -l`` cuts its input into blocks of 8 MiB (lz4_Frame_format.md, "Legacy frame").
_LZ4_BLOCK: Final = 8 << 20

#: zstandard takes no limit of output. Four bytes of input give at most 128 KiB (RFC 8878, RLE block), so a
#: slice of this many bytes gives at most 128 MiB beyond the bound.
_ZSTD_SLICE: Final = 4096


def decompress(data: bytes, *, where: str) -> bytes:
    """Unpack *data*; bytes after the end of the stream (the kernel's build adds the size) are left out.

    :class:`KernelError`, located at *where*, when the format is not known or the data is damaged or unpacks
    to more than a GiB.
    """
    for magic, unpack in _FORMATS.items():
        if data.startswith(magic):
            try:
                return unpack(data)
            except (ValueError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
                raise KernelError(
                    f"the compressed data is damaged ({error})", where=where, hint="fetch or build it again"
                ) from error
    raise KernelError(
        f"compressed in a way not known (it begins with {data[:6].hex() or 'nothing'})",
        where=where,
        hint="gzip, bzip2, xz, lzma, lz4 and zstd are read",
    )


def _gzip(data: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    return _whole(stream.decompress(data, LARGEST), stream.eof)


def _bzip2(data: bytes) -> bytes:
    stream = bz2.BZ2Decompressor()
    return _whole(stream.decompress(data, LARGEST), stream.eof)


def _lzma(data: bytes) -> bytes:
    stream = lzma.LZMADecompressor()
    return _whole(stream.decompress(data, LARGEST), stream.eof)


def _whole(unpacked: bytes, ended: bool) -> bytes:
    if len(unpacked) >= LARGEST:
        raise _too_large()
    if not ended:
        raise ValueError("the end is missing")
    return unpacked


def _too_large() -> ValueError:
    return ValueError(f"it unpacks to more than {LARGEST >> 20} MiB")


def _zstd(data: bytes) -> bytes:
    import zstandard  # noqa: PLC0415 - only these kernels need it

    stream = zstandard.ZstdDecompressor().decompressobj()
    parts: list[bytes] = []
    size = 0
    try:
        for start in range(0, len(data), _ZSTD_SLICE):
            parts.append(stream.decompress(data[start : start + _ZSTD_SLICE]))
            size += len(parts[-1])
            if stream.eof or size >= LARGEST:
                break
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    return _whole(b"".join(parts), stream.eof)


def _lz4_legacy(data: bytes) -> bytes:
    from lz4 import block  # noqa: PLC0415 - only these kernels need it

    parts: list[bytes] = []
    place = 4
    while place + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, place)
        part = data[place + 4 : place + 4 + length]
        if len(part) < length:
            raise ValueError("the end is missing")
        try:
            parts.append(block.decompress(part, uncompressed_size=_LZ4_BLOCK))
        except block.LZ4BlockError as error:
            raise ValueError(str(error)) from error
        place += 4 + length
        if len(parts[-1]) < _LZ4_BLOCK:
            break
        if len(parts) * _LZ4_BLOCK > LARGEST:
            raise _too_large()
    return b"".join(parts)


_FORMATS: Final[dict[bytes, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b\x08": _gzip,
    b"BZh": _bzip2,
    b"\xfd7zXZ\0": _lzma,
    b"\x5d\0\0": _lzma,
    b"\x02\x21\x4c\x18": _lz4_legacy,
    b"\x28\xb5\x2f\xfd": _zstd,
}
