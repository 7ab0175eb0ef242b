"""What a kernel image says of itself, and the kernel and BTF inside it, with no boot.

A bzImage begins with a setup header (``Documentation/arch/x86/boot.rst``) that gives the release and, from
boot protocol 2.08 on, the place of the compressed kernel: an ELF file with a ``.BTF`` section.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

from pytest_ebpf import elf
from pytest_ebpf.errors import KernelError, ObjectError, UsageError
from pytest_ebpf.kernels.compression import decompress
from pytest_ebpf.kernels.version import Version

_SETUP_SECTS: Final = 0x1F1
_MAGIC: Final = 0x202
_PROTOCOL: Final = 0x206
_KERNEL_VERSION: Final = 0x20E
_PAYLOAD: Final = 0x248
_HEADER_END: Final = 0x250
_SECTOR: Final = 512

#: Sizes of a note's name and content, and its type (ELF specification, "Note Section").
_NOTE: Final = struct.Struct("<III")
_PHYS32_ENTRY: Final = 18

_DEBIAN_VERSION: Final = re.compile(r"Debian (\d\S+)")


@dataclass(frozen=True)
class Header:
    """The release (``uname -r``), the upstream version, and where the compressed kernel lies in the file."""

    release: str
    version: Version
    payload_offset: int
    payload_length: int


def read_header(image: bytes, *, where: str) -> Header:
    """Read the setup header of a bzImage; :class:`KernelError` (located at *where*) if there is none."""
    if len(image) < _HEADER_END or image[_MAGIC : _MAGIC + 4] != b"HdrS":
        raise KernelError(
            "not an x86 kernel image (no bzImage header)",
            where=where,
            hint="give arch/x86/boot/bzImage of a build, or a distribution's vmlinuz",
        )
    (protocol,) = struct.unpack_from("<H", image, _PROTOCOL)
    if protocol < 0x208:
        raise KernelError(
            f"the image is too old (boot protocol {protocol:#x})", where=where, hint="use Linux 5.10 or later"
        )
    banner = _banner(image, where)
    offset, length = struct.unpack_from("<II", image, _PAYLOAD)
    start = ((image[_SETUP_SECTS] or 4) + 1) * _SECTOR + offset
    if not length or start + length > len(image):
        raise KernelError(
            f"the image is cut short ({len(image)} bytes of {start + length})",
            where=where,
            hint="fetch or build it again",
        )
    return Header(banner.partition(" ")[0], _upstream(banner, where), start, length)


def _banner(image: bytes, where: str) -> str:
    (pointer,) = struct.unpack_from("<H", image, _KERNEL_VERSION)
    start = pointer + 0x200
    end = image.find(b"\0", start, start + _SECTOR)
    banner = image[start:end].decode("ascii", "replace") if pointer and end > start else ""
    if not banner:
        raise KernelError("the image does not say its release", where=where, hint="fetch or build it again")
    return banner


def _upstream(banner: str, where: str) -> Version:
    """Debian's release stays 6.1.0 for the life of a line; its banner has the package version too."""
    debian = _DEBIAN_VERSION.search(banner)
    try:
        return Version.parse(debian[1] if debian else banner)
    except UsageError as error:
        release = banner.partition(" ")[0]
        raise KernelError(
            f"the image's release is no kernel version ({release})",
            where=where,
            hint="leave the version in front: set CONFIG_LOCALVERSION, not KERNELRELEASE",
        ) from error


def unpack(image: bytes, header: Header, *, where: str) -> bytes:
    """The kernel inside a bzImage, an ELF file of 45-65 MB; :class:`KernelError` when it is damaged."""
    end = header.payload_offset + header.payload_length
    return decompress(image[header.payload_offset : end], where=where)


def extract_btf(vmlinux: bytes, *, where: str) -> bytes:
    """The raw BTF of an unpacked kernel, about 4-8 MiB.

    :class:`KernelError` when it is no ELF file or was built without ``CONFIG_DEBUG_INFO_BTF``.
    """
    btf = _section(vmlinux, ".BTF", where)
    if btf is None:
        raise KernelError("the kernel has no BTF", where=where, hint="build it with CONFIG_DEBUG_INFO_BTF=y")
    return btf


def starts_unpacked(vmlinux: bytes, *, where: str) -> bool:
    """Whether an emulator can start the unpacked kernel (``CONFIG_PVH``), without the code that unpacks it.

    The entry is in a note of the owner Xen, ``XEN_ELFNOTE_PHYS32_ENTRY`` of
    ``include/xen/interface/elfnote.h``; QEMU looks for the same.
    """
    notes = _section(vmlinux, ".notes", where) or b""
    offset = 0
    while offset + _NOTE.size <= len(notes):
        name, content, kind = _NOTE.unpack_from(notes, offset)
        owner = notes[offset + _NOTE.size : offset + _NOTE.size + name]
        if (owner, kind) == (b"Xen\0", _PHYS32_ENTRY):
            return True
        offset += _NOTE.size + _padded(name) + _padded(content)
    return False


def _padded(size: int) -> int:
    return size + -size % 4


def _section(vmlinux: bytes, name: str, where: str) -> bytes | None:
    try:
        return elf.section(vmlinux, name)
    except ObjectError as error:
        raise KernelError(
            f"the kernel inside the image is unreadable ({error.what})",
            where=where,
            hint="fetch or build it again",
        ) from error
