"""``vmlinux.h`` for one object: the kernel's types that it names, and no others.

Reading the full header is four fifths of a compile; the minimal one costs next to nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from pytest_ebpf import btf
from pytest_ebpf.btf import Struct, header
from pytest_ebpf.errors import BuildError, EbpfError

#: Characters in which a name agrees with what was meant: of a kernel's names the others are not compared.
_BEGINNING: Final = 3


class Vmlinux:
    """Headers of one kernel. Its BTF is asked for, and read, only when a header must be made."""

    def __init__(
        self, spec: str, mode: Literal["minimal", "full"], kernel_btf: Callable[[str], Path], salt: str
    ) -> None:
        self._spec = spec
        self._mode = mode
        self._kernel_btf = kernel_btf
        self._salt = salt

    def key(self, identifiers: Collection[str], taken: Collection[str], ordinary: Collection[str]) -> str:
        """Return what tells one header from another without making it.

        *salt*, given to the class, stands for what may change the BTF or our way of writing it.
        """
        words = sorted(identifiers) if self._mode == "minimal" else []
        parts = [self._spec, self._mode, self._salt, words, sorted(taken), sorted(ordinary)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def text(self, identifiers: Collection[str], taken: Collection[str], ordinary: Collection[str]) -> str:
        """Return the header for a source with *identifiers*.

        *taken* are the names of its own types, *ordinary* those of its variables and functions.
        """
        if self._mode == "full":
            return header.full(self._btf, taken, ordinary)
        return header.minimal(self._btf, identifiers, taken, ordinary)

    def constants(self, like: str) -> list[str]:
        """The kernel's constants that begin as the name *like* does; none if its BTF cannot be had now."""
        with suppress(EbpfError):
            return [name for name in self._btf.enums_by_constant if name[:_BEGINNING] == like[:_BEGINNING]]
        return []

    def structs(self, like: str) -> list[str]:
        """The kernel's structs and unions that begin so; none if its BTF cannot be had now."""
        with suppress(EbpfError):
            found = map(self._btf.type, self._btf.ids_of(Struct))
            names = (each.name for each in found if isinstance(each, Struct))
            return [name for name in names if name[:_BEGINNING] == like[:_BEGINNING]]
        return []

    @cached_property
    def _btf(self) -> btf.Btf:
        path = self._kernel_btf(self._spec)
        try:
            data = path.read_bytes()
        except OSError as error:
            what = f"cannot read the BTF of kernel {self._spec} ({(error.strerror or str(error)).lower()})"
            raise BuildError(what, where=str(path), hint="fetch the kernel again") from error
        return btf.Btf.parse(data)
