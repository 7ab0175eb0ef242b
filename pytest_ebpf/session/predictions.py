"""What ``ebpf-build check`` says of programs, held against what kernels of a run then do with them.

A prediction that was wrong is a defect of this project, not of the programs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_ebpf.errors import EbpfError, UnsupportedError
from pytest_ebpf.kernels import Kernel
from pytest_ebpf.report import Prediction
from pytest_ebpf.session.prepared import Prepared

if TYPE_CHECKING:
    from pytest_ebpf.bpf import LoadedObject
    from pytest_ebpf.compat.facts import KernelFacts
    from pytest_ebpf.compat.model import Lack, Verdict
    from pytest_ebpf.requirements import Requirements


@dataclass(frozen=True)
class Deed:
    """What *kernel* did with an object: the programs *loaded* and *attached*, or why it was *refused*.

    *prepared* has the options that it was loaded with.
    """

    prepared: Prepared
    kernel: Kernel
    loaded: Collection[str] = ()
    attached: Collection[str] = ()
    refused: EbpfError | None = None

    @classmethod
    def of(cls, prepared: Prepared, kernel: Kernel, loaded: LoadedObject) -> Deed:
        """What became of *prepared* up to now."""
        there = [each for each in loaded.programs if each.loaded]
        return cls(
            prepared, kernel, [each.name for each in there], [each.name for each in there if each.links]
        )

    @property
    def programs(self) -> Collection[str]:
        """Those of which something is known: the ones loaded, or the one that asks for what is not there."""
        if self.refused is None:
            return self.loaded
        if not isinstance(self.refused, UnsupportedError):
            return ()  # by the verifier, mostly: nothing is said of that
        name = (self.refused.where or "").removeprefix(f"{self.prepared.name}: ")
        return [each.name for each in self.prepared.facts.programs if each.name == name]


@dataclass
class Predictions:
    """Makes each prediction once, for the first load of a program on a kernel."""

    _made: set[tuple[str, str, Path]] = field(default_factory=set)
    _facts: dict[Path, KernelFacts] = field(default_factory=dict)
    _requirements: dict[bytes, Requirements] = field(default_factory=dict)

    def compared(self, deed: Deed) -> list[Prediction]:
        """What was to be expected of *deed*, and whether it came so; nothing where that cannot be told."""
        targets = deed.prepared.options.targets
        fresh = [
            name
            for name in deed.programs
            if (deed.prepared.name, name, deed.kernel.image) not in self._made
            and isinstance(targets.get(name, ""), str)  # what is loaded for another program is not foreseen
        ]
        self._made.update((deed.prepared.name, name, deed.kernel.image) for name in fresh)
        found: list[Prediction] = []
        if fresh:
            with suppress(EbpfError):  # an object or a kernel that cannot be read is told of elsewhere
                found += self._compare(deed, fresh)
        return found

    def _compare(self, deed: Deed, names: Collection[str]) -> Iterator[Prediction]:
        from pytest_ebpf.compat.facts import KernelFacts  # noqa: PLC0415 - after the first load, not before
        from pytest_ebpf.compat.verdict import judge  # noqa: PLC0415
        from pytest_ebpf.requirements import requirements_of  # noqa: PLC0415
        from pytest_ebpf.session.checking import prepared_subject  # noqa: PLC0415

        facts = self._facts.setdefault(deed.kernel.image, KernelFacts(deed.kernel))
        elf = deed.prepared.elf
        if elf not in self._requirements:
            self._requirements[elf] = requirements_of(elf, deed.prepared.facts)
        for verdict in judge(prepared_subject(deed.prepared, self._requirements[elf]), facts):
            if verdict.program in names and verdict.status != "cannot tell":
                place = verdict.object, verdict.program, verdict.kernel
                yield Prediction(*place, said=_said(verdict), seen=_refuted(verdict, deed))


def _said(verdict: Verdict) -> str:
    return f'"cannot work because {_reason(verdict.reason)}"' if verdict.reason else '"works"'


def _reason(lack: Lack) -> str:
    return f"{lack.what}, at {lack.source}" if lack.source else lack.what


def _refuted(verdict: Verdict, deed: Deed) -> str:
    """What the kernel did, if it is not what *verdict* says; "" if it is.

    That something works says nothing of what the verifier makes of it.
    """
    if deed.refused:
        return "" if verdict.reason else f"it was refused: {deed.refused.what}"
    if verdict.reason is None:
        return ""
    if verdict.reason.stage == "load":
        return "it loaded"
    return "it was attached" if verdict.program in deed.attached else ""
