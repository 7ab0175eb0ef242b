"""One check for each kind of thing that an object may ask of a kernel."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pytest_ebpf.compat import features, symbols, targets
from pytest_ebpf.compat.advice import advice_for
from pytest_ebpf.compat.kernel import Check, Kernel
from pytest_ebpf.compat.model import Lack
from pytest_ebpf.requirements import Kind, Requirement


def _nothing(_kernel: Kernel, _need: Requirement, _section: str | None) -> Lack | None:
    """What libbpf sees to."""
    return None


_CHECKS: Final[dict[Kind, Check]] = {
    Kind.PROGRAM_TYPE: features.program_type,
    Kind.PROGRAM_FLAG: features.program_flag,
    Kind.ATTACH_TYPE: features.attach_type,
    Kind.MAP_TYPE: features.enumerator("bpf_map_type", "map type"),
    Kind.MAP_FLAG: features.map_flag,
    Kind.MAP_USE: features.map_use,
    Kind.HELPER: features.helper,
    Kind.KFUNC: symbols.symbol,
    Kind.KSYM: symbols.symbol,
    Kind.KCONFIG: symbols.kconfig,
    Kind.INSTRUCTION: features.instruction,
    Kind.ENCODING: features.encoding,
    Kind.BTF_KIND: _nothing,
    Kind.RELOCATION: symbols.relocation,
    Kind.FUNCTION: targets.function,
    Kind.BTF_TRACEPOINT: targets.btf_tracepoint,
    Kind.TRACEPOINT: targets.tracepoint,
    Kind.KPROBE: targets.kprobe,
    Kind.SYSCALL: targets.syscall,
    Kind.LSM_HOOK: targets.lsm_hook,
    Kind.ITERATOR: targets.iterator,
    Kind.STRUCT_OPS: targets.struct_ops,
    Kind.EXCEPTION_CALLBACK: features.exception_callback,
    Kind.LICENCE: features.licence,
}


class Checks:
    """What *kernel* answers: each question is asked once, programs repeat themselves."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._answers: dict[tuple[object, ...], Lack | None] = {}

    def lack(self, need: Requirement, section: str | None) -> Lack | None:
        """What the kernel lacks of *need*, None if nothing; *section* as in :data:`Check`."""
        # The place it is asked at has no part in the answer.
        what = need.kind, need.name, need.number, need.subject
        key = *what, need.relocation, need.accesses, need.symbol, section
        if key not in self._answers:
            self._answers[key] = _CHECKS[need.kind](self._kernel, need, section)
        found = self._answers[key]
        if found is None:
            return None
        instead = advice_for(need, self._kernel.rules) if found.instead is None else found.instead
        source = need.source
        if source and need.instruction is None and need.symbol is None:
            source = replace(source, text="")  # of the program's first line, which says nothing of it
        return replace(found, instead=instead, source=source, stage=need.stage)
