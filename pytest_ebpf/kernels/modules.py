"""Read what a kernel module needs, and by which other names it goes.

Debian's packages carry no ``modules.dep`` and no ``modules.alias`` (depmod makes them when they are
installed), so the order of insertion comes from ``depends=`` in each module's own ``.modinfo`` section, which
modpost wrote there, and the names by which the kernel asks for it (``rtnl-link-veth``) from ``alias=``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf import elf
from pytest_ebpf.errors import KernelError, ObjectError
from pytest_ebpf.kernels.compression import decompress

#: A pattern that can be told from what stands beside it in a line of ``modules.alias``.
_ALIAS: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Module:
    """One module: its *name* as the kernel has it, its unpacked ELF file, the names it *depends* on.

    *aliases* are patterns of other names it goes by, as ``fnmatch(3)`` takes them.
    """

    name: str
    data: bytes
    depends: tuple[str, ...]
    aliases: tuple[str, ...] = ()


def name_of(path: Path) -> str:
    """The kernel's name of a module file: ``nf-x.ko.xz`` is ``nf_x``."""
    return path.name.partition(".ko")[0].replace("-", "_")


def read_module(path: Path) -> Module:
    """Read ``*.ko``, ``*.ko.xz``, ``*.ko.zst`` or ``*.ko.gz``; :class:`KernelError` when it is no module."""
    data = path.read_bytes()
    if path.suffix != ".ko":
        data = decompress(data, where=str(path))
    try:
        info = elf.section(data, ".modinfo")
    except ObjectError as error:
        raise KernelError(f"not a kernel module ({error.what})", where=str(path)) from error
    values = list(_values(info or b""))
    depends = next((value for key, value in values if key == "depends"), "")
    return Module(
        name_of(path),
        data,
        tuple(name.replace("-", "_") for name in depends.split(",") if name),
        tuple(dict.fromkeys(value for key, value in values if key == "alias" and _ALIAS.fullmatch(value))),
    )


def _values(info: bytes) -> Iterator[tuple[str, str]]:
    for entry in info.split(b"\0"):
        key, _, value = entry.decode("ascii", "replace").partition("=")
        yield key, value


def closure(files: Iterable[Path], wanted: Iterable[str]) -> dict[str, Module]:
    """Read the *wanted* modules among *files* and all they depend on; names without a file are left out."""
    by_name = {name_of(path): path for path in files}
    found: dict[str, Module] = {}
    ahead = list(wanted)
    while ahead:
        name = ahead.pop()
        if name in found or name not in by_name:
            continue
        found[name] = read_module(by_name[name])
        ahead.extend(found[name].depends)
    return found
