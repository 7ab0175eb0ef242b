"""A kernel that is there: verified files, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_ebpf.kernels.catalog import Package
from pytest_ebpf.kernels.version import Version


@dataclass(frozen=True)
class Kernel:
    """A kernel in the cache.

    *release* is what ``uname -r`` says; *version* the upstream version (6.1.192 for Debian's 6.1.0-56);
    *image* a bzImage with its *sha256*; *unpacked* the kernel inside it, where that can be started as it is,
    which saves the guest half a second; *btf* its raw BTF; *config* what it was configured with, where
    that is known; *modules* a folder of unpacked ``*.ko`` files, or None where there are none; *origin*
    ``debian:PACKAGE=VERSION`` or ``path:/...``. *depends* says what each module needs, *aliases* by which
    other names (patterns of ``fnmatch(3)``) the kernel may ask for it.
    An *outdated* entry was made when fewer modules were kept.
    """

    release: str
    version: Version
    image: Path
    btf: Path
    modules: Path | None
    sha256: str
    origin: str
    packages: tuple[Package, ...] = ()
    unpacked: Path | None = None
    config: Path | None = None
    depends: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False, compare=False)
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False, compare=False)
    outdated: bool = field(default=False, compare=False)

    @property
    def line(self) -> str:
        """The stable series, such as ``6.1``."""
        return self.version.line

    def module_order(self, wanted: Sequence[str]) -> tuple[Path, ...]:
        """Files to insert, in order, for *wanted* and all they depend on.

        Names that are built in, or that this kernel does not have, are left out.
        """
        if self.modules is None:
            return ()
        return tuple(self.modules / f"{name}.ko" for name in insertion_order(wanted, self.depends))


def insertion_order(wanted: Sequence[str], depends: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """*wanted* and all they need, each after what it depends on; names without an entry are left out."""
    order: dict[str, None] = {}

    def place(name: str, above: frozenset[str]) -> None:
        if name in order or name in above or name not in depends:
            return
        for needed in depends[name]:
            place(needed, above | {name})
        order[name] = None

    for name in wanted:
        place(name.replace("-", "_"), frozenset())
    return tuple(order)
