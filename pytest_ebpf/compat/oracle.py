"""What folding and the verdict ask about one object on one kernel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from pytest_ebpf.btf import Btf, Func, Var
from pytest_ebpf.btf.compare import Comparison
from pytest_ebpf.btf.ext import CoreRelo
from pytest_ebpf.btf.relocate import Resolution, resolve_all
from pytest_ebpf.compat.facts import KernelFacts
from pytest_ebpf.errors import BtfError
from pytest_ebpf.requirements import Kconfig, Ksym, Requirements

#: ``bpf_get_attach_cookie``, by which libbpf knows that there are cookies (``probe_kern_bpf_cookie``).
_GET_ATTACH_COOKIE: Final = 174

#: The patch level has eight bits in ``KERNEL_VERSION``; stable series that went on stay at 255.
_LAST_PATCH: Final = 255


class Oracle:
    """A :class:`~pytest_ebpf.requirements.KernelOracle` of a kernel that is not running."""

    def __init__(self, facts: KernelFacts, requirements: Requirements, btf: Btf | None) -> None:
        self._facts = facts
        self._requirements = requirements
        self._btf = btf
        #: Whether there was a question that it had no answer to.
        self.unsure = False

    def supposing(self, answer: bool) -> _Supposing:
        """An oracle that says *answer* where this one has none."""
        return _Supposing(self, answer)

    @cached_property
    def resolutions(self) -> Mapping[CoreRelo, Resolution | BtfError]:
        """What becomes of every relocation of the object, as libbpf would say."""
        if self._btf is None:
            return {}
        return dict(resolve_all(self._btf, self._requirements.relocations, self._facts.btf))

    def relocation(self, relocation: CoreRelo) -> int | None:
        """The value that libbpf puts into the instruction; None if it has none."""
        found = self.resolutions[relocation]
        return found.value if isinstance(found, Resolution) else None

    def has_ksym(self, symbol: Ksym) -> bool | None:
        """Whether libbpf finds the symbol with a compatible type; None where BTF does not tell."""
        answer = self._ksym(symbol)
        self.unsure |= answer is None
        return answer

    def _ksym(self, symbol: Ksym) -> bool | None:
        found = self._facts.btf.ids(symbol.name, Func if symbol.is_function else Var)
        if not symbol.type_id:
            # Looked up among all symbols, of which BTF has the functions and the per-CPU variables.
            return bool(found or self._facts.has_function(symbol.name)) or None
        if found:
            return self._is_compatible(symbol, found[0])
        return None if self._facts.module_with(symbol.name) else False

    def _is_compatible(self, symbol: Ksym, type_id: int) -> bool:
        assert self._btf
        target = self._facts.btf
        found = target.type(type_id)
        assert isinstance(found, Func | Var)
        if self._btf.type(self._btf.strip(symbol.type_id)) == self._btf.type(0):
            return True  # ``extern const void NAME``
        return Comparison(self._btf, target).types(symbol.type_id, found.type_id)

    def kernel_version(self) -> int:
        """``LINUX_KERNEL_VERSION`` as libbpf fills it in."""
        version = self._facts.version
        return version.major << 16 | version.minor << 8 | min(version.patch, _LAST_PATCH)

    def kconfig(self, option: Kconfig) -> str | None:
        """What the configuration says; None where it was not kept."""
        match option.name:
            case "LINUX_HAS_BPF_COOKIE":
                return str(int(_GET_ATTACH_COOKIE in self._facts.enumerators("bpf_func_id")))
            case "LINUX_HAS_SYSCALL_WRAPPER":
                return str(int(self._facts.has_function("__x64_sys_bpf")))
        config = self._facts.config
        self.unsure |= config is None
        return None if config is None else config.get(option.name, "")


class _Supposing:
    """Another oracle, whose silence is taken for yes or for no."""

    def __init__(self, oracle: Oracle, answer: bool) -> None:
        self._oracle = oracle
        self._answer = answer
        self.relocation = oracle.relocation
        self.kernel_version = oracle.kernel_version

    def has_ksym(self, symbol: Ksym) -> bool:
        """What the other says, else the supposition."""
        found = self._oracle.has_ksym(symbol)
        return self._answer if found is None else found

    def kconfig(self, option: Kconfig) -> str:
        """What the other says, else set to ``y`` or not set."""
        found = self._oracle.kconfig(option)
        return ("y" if self._answer else "") if found is None else found
