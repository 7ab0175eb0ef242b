"""Whatever is in a file that was fetched, copied or built: the declared errors and nothing else."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import struct
import zlib
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from lz4 import block
from mutations import mutated, only

from pytest_ebpf import elf
from pytest_ebpf.btf import Btf
from pytest_ebpf.btf.ext import BtfExt, access
from pytest_ebpf.elf import Elf
from pytest_ebpf.errors import BtfError, KernelError, ObjectError, ValueConversionError
from pytest_ebpf.kernels.compression import decompress
from pytest_ebpf.kernels.image import extract_btf, read_header, starts_unpacked, unpack
from pytest_ebpf.kernels.lockfile import read_lock
from pytest_ebpf.kernels.modules import read_module
from pytest_ebpf.objects import parse_object
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import unpack as unpack_value

DATA = st.data()

BANNER = b"6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP Debian 6.1.192-2 (2026-11-16)\0"


def _lz4(data: bytes) -> bytes:
    packed = block.compress(data, store_size=False)
    return b"\x02\x21\x4c\x18" + struct.pack("<I", len(packed)) + packed + bytes(4)


PACKERS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": partial(lzma.compress, format=lzma.FORMAT_ALONE),
    "zstd": zstandard.ZstdCompressor().compress,
    "lz4": _lz4,
}


@pytest.fixture(params=PACKERS)
def packed(request, bpf_object) -> bytes:
    """An ELF file with BTF, as the kernel's build would pack it."""
    return PACKERS[request.param](bpf_object)


def image(payload: bytes) -> bytes:
    """A bzImage: one setup sector (``Documentation/arch/x86/boot.rst``), then the payload."""
    head = bytearray(1024)
    head[0x1F1] = 1
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<HHHHH", head, 0x206, 0x20F, 0, 0, 0, 0x100)
    head[0x300 : 0x300 + len(BANNER)] = BANNER
    struct.pack_into("<II", head, 0x248, 0, len(payload))
    return bytes(head) + payload


def test_the_seed_is_a_whole_image(packed, bpf_object):
    """The targets below start from something that is read to its end."""
    whole = image(packed)
    vmlinux = unpack(whole, read_header(whole, where="i"), where="i")
    assert vmlinux == bpf_object
    assert len(Btf.parse(extract_btf(vmlinux, where="i"))) > 10


@given(DATA)
def test_a_kernel_image(packed, data):
    content = data.draw(mutated(image(packed)))
    with only(KernelError, "i: "):
        vmlinux = unpack(content, read_header(content, where="i"), where="i")
        starts_unpacked(vmlinux, where="i")
        extract_btf(vmlinux, where="i")


@given(DATA)
def test_compressed_data(packed, data):
    with only(KernelError, "i: "):
        decompress(data.draw(mutated(packed)), where="i")


STREAMS = {
    "gzip": lambda: zlib.compressobj(9, wbits=31),
    "bzip2": bz2.BZ2Compressor,
    "xz": lambda: lzma.LZMACompressor(preset=0),
    "zstd": zstandard.ZstdCompressor().compressobj,
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_bomb(name):
    """A few hundred MiB of zeros: the reader stops at its bound and says so."""
    packer = STREAMS[name]()
    bomb = b"".join(packer.compress(bytes(16 << 20)) for _ in range(20)) + packer.flush()
    with pytest.raises(KernelError, match="unpacks to more than 256 MiB"):
        decompress(bomb, where="i")


@given(DATA)
def test_an_elf_file(bpf_object, data):
    content = data.draw(mutated(bpf_object))
    with only(ObjectError):
        found = Elf.read(content)
        assert all(len(section.data) <= len(content) for section in found.sections)
        for section in found.sections:
            found.relocations(section)
        assert len(found.symbols) <= len(content)
        elf.section(content, ".BTF")


@given(DATA)
def test_an_object(bpf_object, data):
    with only(ObjectError, "o: "):
        parse_object(data.draw(mutated(bpf_object)), Path("o"))


@given(DATA)
def test_btf(bpf_object, data):
    raw = elf.section(bpf_object, ".BTF")
    assert raw is not None
    with only(BtfError):
        btf = Btf.parse(data.draw(mutated(raw)))
        for number in range(min(len(btf), 3000)):
            btf.name(number)
            btf.size(number)


@given(DATA)
def test_values_of_types(bpf_object, data):
    """How values of any type are read, and records of it."""
    raw = elf.section(bpf_object, ".BTF")
    assert raw is not None
    with suppress(BtfError):
        btf = Btf.parse(data.draw(mutated(raw)))
        values = Values(btf)
        for number in range(min(len(btf), 3000)):
            with suppress(ValueConversionError):
                read = values.codec(number)
                if read.size < 4096:
                    unpack_value(read, bytes(read.size), "v")
            with suppress(ValueConversionError):
                values.record(btf.name(number), short=True)


@given(DATA)
def test_btf_ext(bpf_object, data):
    raw, ext = elf.section(bpf_object, ".BTF"), elf.section(bpf_object, ".BTF.ext")
    assert raw is not None
    assert ext is not None
    btf = Btf.parse(raw)
    with only(BtfError):
        for relocation in BtfExt.parse(data.draw(mutated(ext)), btf).relocations:
            access(btf, relocation)


@given(DATA)
def test_a_module(tmp_path, bpf_object, data):
    (tmp_path / "m.ko").write_bytes(data.draw(mutated(bpf_object)))
    with only(KernelError, str(tmp_path)):
        assert read_module(tmp_path / "m.ko").name == "m"


LOCK = {
    "format": 1,
    "kernels": {
        "6.1": {
            "release": "6.1.0-56-cloud-amd64",
            "image_sha256": "0" * 64,
            "packages": [
                {
                    "name": "linux-image-6.1.0-56-cloud-amd64",
                    "version": "6.1.192-2",
                    "size": 5,
                    "sha256": "0" * 64,
                }
            ],
        }
    },
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from([*LOCK]), inner),
    max_leaves=8,
)


@given(mutated(json.dumps(LOCK).encode()) | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_lock_file(tmp_path, content):
    (tmp_path / "lock").write_bytes(content)
    with only(KernelError, str(tmp_path)):
        for locked in read_lock(tmp_path / "lock").values():
            assert locked.packages
