"""What folding asks about one kernel."""

from __future__ import annotations

from typing import Protocol

from pytest_ebpf.btf.ext import CoreRelo
from pytest_ebpf.requirements.model import Kconfig, Ksym


class KernelOracle(Protocol):
    """Answers for one kernel. None is always "cannot tell", and then both ways are followed."""

    def relocation(self, relocation: CoreRelo) -> int | None:
        """The value that libbpf puts into the instruction (unsigned, 64 bits); None if it has none."""

    def has_ksym(self, symbol: Ksym) -> bool | None:
        """Whether libbpf finds the symbol with a compatible type."""

    def kernel_version(self) -> int | None:
        """``KERNEL_VERSION(major, minor, patch)`` as libbpf fills ``LINUX_KERNEL_VERSION``: patch to 255."""

    def kconfig(self, option: Kconfig) -> str | None:
        """What stands behind ``=`` in the configuration (``y``, ``250``, ``"text"``); empty if not set.

        For ``LINUX_HAS_SYSCALL_WRAPPER`` and ``LINUX_HAS_BPF_COOKIE`` ``1`` or ``0``.
        """
