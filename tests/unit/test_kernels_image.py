"""What is said of files that are no kernel image. Real images are read in tests/toolchain."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from pytest_ebpf.errors import KernelError
from pytest_ebpf.kernels import Version
from pytest_ebpf.kernels.image import Header, extract_btf, read_header, starts_unpacked, unpack

BANNER = b"6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP Debian 6.1.192-2 (2026-11-16)\0"


def head(*, banner: bytes = BANNER, protocol: int = 0x20F, payload: bytes = b"x" * 64) -> bytes:
    """A setup header as Documentation/arch/x86/boot.rst lays it out: one setup sector, then the payload."""
    image = bytearray(1024)
    image[0x1F1] = 1
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", image, 0x206, protocol)
    if banner:
        struct.pack_into("<H", image, 0x20E, 0x300 - 0x200)
        image[0x300 : 0x300 + len(banner)] = banner
    struct.pack_into("<II", image, 0x248, 0, len(payload))
    return bytes(image) + payload


def error_of(image: bytes) -> str:
    with pytest.raises(KernelError) as caught:
        read_header(image, where="vmlinuz")
    return str(caught.value)


def test_debians_banner_tells_the_patch_level_that_its_release_hides():
    assert read_header(head(), where="vmlinuz") == Header(
        "6.1.0-56-cloud-amd64", Version(6, 1, 192), 1024, 64
    )


def test_a_kernel_built_by_hand_tells_its_version_in_the_release():
    header = read_header(head(banner=b"7.3.0-rc7+ (me@host) #4 SMP\0"), where="vmlinuz")
    assert (header.release, header.version) == ("7.3.0-rc7+", Version(7, 3, rc=7))


@pytest.mark.parametrize("content", [b"", b"\x7fELF" + bytes(4096), b"#!/bin/sh\n"])
def test_another_kind_of_file(content):
    assert error_of(content) == (
        "vmlinuz: not an x86 kernel image (no bzImage header); "
        "give arch/x86/boot/bzImage of a build, or a distribution's vmlinuz"
    )


def test_an_image_from_before_2008():
    assert error_of(head(protocol=0x207)) == (
        "vmlinuz: the image is too old (boot protocol 0x207); use Linux 5.10 or later"
    )


def test_an_image_cut_short():
    assert error_of(head()[:-10]) == (
        "vmlinuz: the image is cut short (1078 bytes of 1088); fetch or build it again"
    )


def test_an_image_without_a_release():
    assert error_of(head(banner=b"")) == (
        "vmlinuz: the image does not say its release; fetch or build it again"
    )


def test_a_release_that_is_no_version():
    assert error_of(head(banner=b"mine #1\0")) == (
        "vmlinuz: the image's release is no kernel version (mine); "
        "leave the version in front: set CONFIG_LOCALVERSION, not KERNELRELEASE"
    )


def test_an_image_that_holds_no_elf_file():
    image = head(payload=gzip.compress(b"not ELF"))
    with pytest.raises(KernelError) as caught:
        extract_btf(unpack(image, read_header(image, where="vmlinuz"), where="vmlinuz"), where="vmlinuz")
    assert str(caught.value) == (
        "vmlinuz: the kernel inside the image is unreadable (not an ELF file (begins with 6e 6f 74 20)); "
        "fetch or build it again"
    )


def test_an_elf_file_without_the_entry_of_an_unpacked_kernel():
    elf = (Path(__file__).parent / "data" / "bpf" / "values.le.o").read_bytes()
    assert not starts_unpacked(elf, where="vmlinuz")
