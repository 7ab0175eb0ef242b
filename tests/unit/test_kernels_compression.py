"""Every format the kernel's build knows, unpacked; damaged data refused."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct

import lz4.block
import pytest
import zstandard

from pytest_ebpf.errors import KernelError
from pytest_ebpf.kernels import compression
from pytest_ebpf.kernels.compression import decompress

CONTENT = bytes(range(256)) * 50_000  # 12.8 MB: two blocks of lz4's legacy format

#: The kernel's build puts the size of the content behind the stream (scripts/Makefile.lib, size_append).
SIZE = struct.pack("<I", len(CONTENT))


def lz4_legacy(content: bytes) -> bytes:
    """What ``lz4 -l`` writes."""
    frame = b"\x02\x21\x4c\x18"
    for start in range(0, len(content), 8 << 20):
        block = lz4.block.compress(content[start : start + (8 << 20)], store_size=False)
        frame += struct.pack("<I", len(block)) + block
    return frame


PACKED = {
    "gzip": gzip.compress(CONTENT),
    "bzip2": bz2.compress(CONTENT),
    "xz": lzma.compress(CONTENT, check=lzma.CHECK_CRC32),
    "lzma": lzma.compress(CONTENT, format=lzma.FORMAT_ALONE),
    "lz4": lz4_legacy(CONTENT),
    "zstd": zstandard.ZstdCompressor(write_content_size=False).compress(CONTENT),
}


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("behind", [b"", SIZE], ids=["bare", "with size"])
def test_a_stream_is_unpacked_and_what_is_behind_it_left_out(name, behind):
    assert decompress(PACKED[name] + behind, where="vmlinuz") == CONTENT


def test_lz4_that_ends_with_a_full_block():
    content = bytes(8 << 20)
    assert decompress(lz4_legacy(content) + SIZE, where="vmlinuz") == content


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "lz4", "zstd"])
def test_a_stream_cut_short_is_damaged(name):
    packed = PACKED[name]
    with pytest.raises(KernelError) as caught:
        decompress(packed[: len(packed) // 2], where="vmlinuz")
    assert str(caught.value).startswith("vmlinuz: the compressed data is damaged (")
    assert str(caught.value).endswith("); fetch or build it again")


@pytest.mark.parametrize("name", ["gzip", "xz", "zstd", "lz4"])
def test_a_stream_with_flipped_bits_is_damaged(name):
    packed = bytearray(PACKED[name])
    packed[len(packed) // 2 : len(packed) // 2 + 4096] = b"\0" * 4096
    with pytest.raises(KernelError, match=r"^vmlinuz: the compressed data is damaged \("):
        decompress(bytes(packed), where="vmlinuz")


@pytest.mark.parametrize(("data", "seen"), [(b"\x89LZO\0\r\n", "894c5a4f000d"), (b"", "nothing")])
def test_an_unknown_format_is_named_by_its_first_bytes(data, seen):
    with pytest.raises(KernelError) as caught:
        decompress(data, where="vmlinuz")
    assert str(caught.value) == (
        f"vmlinuz: compressed in a way not known (it begins with {seen}); "
        "gzip, bzip2, xz, lzma, lz4 and zstd are read"
    )


@pytest.mark.parametrize("name", PACKED)
def test_a_stream_that_never_ends_is_not_followed(name, monkeypatch):
    monkeypatch.setattr(compression, "LARGEST", 1 << 20)
    with pytest.raises(KernelError) as caught:
        decompress(PACKED[name], where="vmlinuz")
    assert str(caught.value) == (
        "vmlinuz: the compressed data is damaged (it unpacks to more than 1 MiB); fetch or build it again"
    )


def test_a_header_that_asks_for_two_gib_gets_none():
    """In the "alone" format the size of the dictionary stands behind the first byte."""
    with pytest.raises(KernelError, match=r"^vmlinuz: the compressed data is damaged \(Memory usage limit"):
        decompress(b"\x5d" + (2 << 30).to_bytes(4, "little") + PACKED["lzma"][5:], where="vmlinuz")
