"""A run: its matrix, and what else is known of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from pytest_ebpf.report.matrix import Matrix


@dataclass(frozen=True)
class ProgramSize:
    """How many instructions the verifier of the kernel in *column* went through for a program.

    ``bpf_prog_info.verified_insns``, which kernels tell since 5.16 (commit aba64c7da983).
    """

    object: str
    program: str
    column: str
    verified_insns: int


@dataclass(frozen=True)
class Prediction:
    """What was *said* of a program before the kernel in *column* had it; *seen* is what refuted it, or ""."""

    object: str
    program: str
    column: str
    said: str
    seen: str = ""

    def __str__(self) -> str:
        return f"{self.object}: {self.program} on {self.column}: {self.said} yet {self.seen}"


@dataclass(frozen=True)
class Run:
    """The *matrix* of a *project*; when the run *began* (ISO 8601, "" if unknown), the *seconds* it took.

    *predictions* is the number of those that kernels put to the test, *mispredicted* those that were wrong.
    """

    matrix: Matrix
    project: str = ""
    began: str = ""
    seconds: float = 0.0
    programs: tuple[ProgramSize, ...] = ()
    predictions: int = 0
    mispredicted: tuple[Prediction, ...] = ()

    @classmethod
    def of(
        cls,
        matrix: Matrix,
        sizes: Iterable[ProgramSize],
        *,
        predictions: Iterable[Prediction] = (),
        project: str = "",
        began: str = "",
        seconds: float = 0.0,
    ) -> Self:
        """Of several *sizes* of a program on a kernel (as it depends on globals) the largest stands.

        Of several *predictions* the one that was wrong.
        """
        largest: dict[tuple[str, str, str], ProgramSize] = {}
        for size in sizes:
            place = (size.object, size.program, size.column)
            known = largest.setdefault(place, size)
            if size.verified_insns > known.verified_insns:
                largest[place] = size
        told = {(each.object, each.program, each.column): each for each in sorted(predictions, key=_refuted)}
        wrong = tuple(each for each in told.values() if each.seen)
        return cls(matrix, project, began, seconds, tuple(largest.values()), len(told), wrong)


def _refuted(prediction: Prediction) -> bool:
    return bool(prediction.seen)
