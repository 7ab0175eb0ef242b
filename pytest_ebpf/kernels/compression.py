"""Unpack what the kernel's build packs: the image's payload and the modules' files.

Formats are told by their first bytes, as the kernel's ``scripts/extract-vmlinux`` tells them.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from pytest_ebpf.errors import KernelError

#: More than any kernel unpacks to (about 100 MiB with debugging); bounds a broken or hostile image.
LARGEST: Final = 256 << 20

#: What is unpacked at a time: the blocks into which ``lz4 -l`` cuts its input (lz4_Frame_format.md, "Legacy
#: frame"). Beyond :data:`LARGEST` no more than this is held.
_PIECE: Final = 8 << 20

#: What a header may ask for; the kernel's build takes 128 MiB (``scripts/xz_wrap.sh``, since 6.12).
_LZMA_MEMORY: Final = 192 << 20

#: zstandard takes no limit of output. Four bytes of input give at most 128 KiB (RFC 8878, RLE block), so a
#: slice of this many bytes gives at most 8 MiB.
_ZSTD_SLICE: Final = 256


def decompress(data: bytes, *, where: str) -> bytes:
    """Unpack *data*; bytes after the end of the stream (the kernel's build adds the size) are left out.

    :class:`KernelError`, located at *where*, when the format is not known or the data is damaged or unpacks
    to more than :data:`LARGEST`.
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
    return _streamed(zlib.decompressobj(wbits=31), data)


def _bzip2(data: bytes) -> bytes:
    return _streamed(bz2.BZ2Decompressor(), data)


def _lzma(data: bytes) -> bytes:
    return _streamed(lzma.LZMADecompressor(memlimit=_LZMA_MEMORY), data)


def _streamed(stream: Any, data: bytes) -> bytes:
    def pieces() -> Iterator[bytes]:
        left = data
        while not stream.eof:
            piece = stream.decompress(left, _PIECE)
            left = getattr(stream, "unconsumed_tail", b"")  # the others keep it themselves
            if not piece and not left:
                raise ValueError("the end is missing")
            yield piece

    return _joined(pieces())


def _zstd(data: bytes) -> bytes:
    import zstandard  # noqa: PLC0415 - only these kernels need it

    stream = zstandard.ZstdDecompressor().decompressobj()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_SLICE):
            yield stream.decompress(data[start : start + _ZSTD_SLICE])
            if stream.eof:
                return
        raise ValueError("the end is missing")

    try:
        return _joined(pieces())
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error


def _lz4_legacy(data: bytes) -> bytes:
    from lz4 import block  # noqa: PLC0415 - only these kernels need it

    def pieces() -> Iterator[bytes]:
        place = 4
        while place + 8 <= len(data):
            (length,) = struct.unpack_from("<I", data, place)
            packed = data[place + 4 : place + 4 + length]
            if len(packed) < length:
                raise ValueError("the end is missing")
            piece = block.decompress(packed, uncompressed_size=_PIECE)
            yield piece
            if len(piece) < _PIECE:
                return
            place += 4 + length

    try:
        return _joined(pieces())
    except block.LZ4BlockError as error:
        raise ValueError(str(error)) from error


def _joined(pieces: Iterator[bytes]) -> bytes:
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > LARGEST:
            raise ValueError(f"it unpacks to more than {LARGEST >> 20} MiB")
        parts.append(piece)
    return b"".join(parts)


_FORMATS: Final[dict[bytes, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b\x08": _gzip,
    b"BZh": _bzip2,
    b"\xfd7zXZ\0": _lzma,
    b"\x5d\0\0": _lzma,
    b"\x02\x21\x4c\x18": _lz4_legacy,
    b"\x28\xb5\x2f\xfd": _zstd,
}
