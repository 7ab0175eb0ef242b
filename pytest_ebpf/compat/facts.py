"""What can be said of a kernel that is not running: its BTF, its modules', its configuration.

Everything is looked up when it is asked for, through the index beside the BTF (:mod:`pytest_ebpf.btf.index`),
so that a kernel costs about a millisecond.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

from pytest_ebpf.btf import Btf, DeclTag, Enum, Func, Struct, Typedef, Var
from pytest_ebpf.btf.index import open_indexed
from pytest_ebpf.btf.split import names_in
from pytest_ebpf.btf.types import TypeClass
from pytest_ebpf.errors import KernelError, ObjectError
from pytest_ebpf.kernels import Kernel, Version

#: Beside the BTF in the cache of kernels.
_INDEX: Final = "btf.index"

#: The tag of functions that programs may call, in BTF made by pahole 1.26 or newer (Linux 6.10).
_KFUNC_TAG: Final = "bpf_kfunc"


class KernelFacts:
    """The facts of *kernel*. :class:`KernelError` where its BTF cannot be read."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._enumerators: dict[str, Mapping[int, str]] = {}

    @property
    def name(self) -> str:
        """How people know it: the exact version."""
        return str(self.kernel.version)

    @property
    def version(self) -> Version:
        """The upstream version."""
        return self.kernel.version

    @property
    def index(self) -> Path:
        """The index of its BTF; it is made when the BTF is first looked into."""
        return self.kernel.btf.with_name(_INDEX)

    def prepare(self) -> None:
        """Make the index, if it is not there."""
        assert len(self.btf)

    @cached_property
    def btf(self) -> Btf:
        """The kernel's types."""
        path = self.kernel.btf
        try:
            return open_indexed(path, self.index)
        except (OSError, ObjectError) as error:
            raise _unreadable(path, error) from error

    def enumerators(self, name: str) -> Mapping[int, str]:
        """The names of ``enum NAME`` by number, without ``__MAX_...``; empty if there is no such enum."""
        if name not in self._enumerators:
            self._enumerators[name] = dict(self._values(name))
        return self._enumerators[name]

    def _values(self, name: str) -> Iterable[tuple[int, str]]:
        for type_id in self.btf.ids(name, Enum):
            found = self.btf.type(type_id)
            if isinstance(found, Enum) and found.values:
                # Deprecated names come after those they were replaced by, or before: any will do.
                return [(number, each) for each, number in found.values if not each.startswith("__")]
        return ()

    def has_type(self, name: str) -> bool:
        """Whether there is a struct or a union called *name*."""
        return bool(self.btf.ids(name, Struct))

    def members(self, name: str) -> frozenset[str]:
        """The members of ``struct NAME``; empty if there is none."""
        for type_id in self.btf.ids(name, Struct):
            found = self.btf.type(type_id)
            if isinstance(found, Struct):
                return frozenset(member.name for member in found.members)
        return frozenset()

    def has_function(self, name: str) -> bool:
        """Whether the kernel itself, apart from its modules, has a function called *name* in its BTF."""
        return bool(self.btf.ids(name, Func))

    def has_variable(self, name: str) -> bool:
        """Whether the kernel has a variable called *name* in its BTF: per-CPU ones, mostly."""
        return bool(self.btf.ids(name, Var))

    def has_tracepoint(self, name: str) -> bool:
        """Whether the kernel itself has a tracepoint called *name*."""
        return bool(self.btf.ids(f"btf_trace_{name}", Typedef))

    @cached_property
    def kfuncs(self) -> frozenset[str] | None:
        """The functions that the kernel lets programs call; None where its BTF does not mark them."""
        names = set()
        for tag in self.btf.ids(_KFUNC_TAG, DeclTag):
            marked = self.btf.type(tag)
            function = self.btf.type(marked.type_id) if isinstance(marked, DeclTag) else None
            if isinstance(function, Func):
                names.add(function.name)
        return frozenset(names) or None

    def module_with(self, name: str, *kinds: TypeClass) -> str | None:
        """The first of the modules kept that has one of *kinds*, else a function, called *name* in its BTF.

        Modules have BTF from Linux 5.11 on. Only those in which the name stands at all are read.
        """
        folder, needle = self.kernel.modules, b"\0%b\0" % name.encode()
        for file in sorted(folder.glob("*.ko")) if folder else ():
            data = _contents(file)
            if needle in data and name in _names(file, data, self.btf, kinds or (Func,)):
                return file.stem
        return None

    @cached_property
    def config(self) -> Mapping[str, str] | None:
        """What the kernel was configured with, by ``CONFIG_...``: ``y``, ``m``, ``250``, ``"text"``.

        None where the configuration was not kept.
        """
        path = self.kernel.config
        if path is None:
            return None
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError as error:
            raise _unreadable(path, error) from error
        pairs = (line.split("=", 1) for line in lines if line.startswith("CONFIG_"))
        return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _contents(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _unreadable(file, error) from error


def _names(file: Path, data: bytes, base: Btf, kinds: Iterable[TypeClass]) -> frozenset[str]:
    """The names of *kinds* in the BTF of a module; none where it was built without."""
    from pytest_ebpf import elf  # noqa: PLC0415 - slow to import, and seldom needed here

    try:
        btf = elf.section(data, ".BTF")
        return names_in(btf, base, *kinds) if btf else frozenset()
    except ObjectError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> KernelError:
    return KernelError(f"cannot be read ({error})", where=str(file), hint="fetch the kernel again")
