"""A run: its matrix, and what else is known of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from pytest_ebpf.report.matrix import Matrix

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class ProgramSize:
    """How many instructions the verifier of the kernel in *column* went through for a program.

    *states* are those it kept in all, *peak_states* at most at once, *stack* the bytes of stack of all its
    functions together, *load_time* the seconds that verifying took; each is None where that is not known.
    """

    object: str
    program: str
    column: str
    verified_insns: int
    states: int | None = None
    peak_states: int | None = None
    stack: int | None = None
    load_time: float | None = None


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
        """Of several *sizes* of a program on a kernel (as it depends on globals) the largest stand.

        Of several *predictions* the one that was wrong.
        """
        told = {(each.object, each.program, each.column): each for each in sorted(predictions, key=_refuted)}
        wrong = tuple(each for each in told.values() if each.seen)
        return cls(matrix, project, began, seconds, tuple(largest(sizes)), len(told), wrong)


def largest(sizes: Iterable[ProgramSize]) -> list[ProgramSize]:
    """Fold several *sizes* of a program on a kernel to one: of each figure the largest."""
    found: dict[tuple[str, str, str], ProgramSize] = {}
    for size in sizes:
        place = (size.object, size.program, size.column)
        found[place] = _larger(found[place], size) if place in found else size
    return list(found.values())


def _larger(one: ProgramSize, other: ProgramSize) -> ProgramSize:
    return replace(
        one,
        verified_insns=max(one.verified_insns, other.verified_insns),
        states=_most(one.states, other.states),
        peak_states=_most(one.peak_states, other.peak_states),
        stack=_most(one.stack, other.stack),
        load_time=_most(one.load_time, other.load_time),
    )


def _most(one: Number | None, other: Number | None) -> Number | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _refuted(prediction: Prediction) -> bool:
    return bool(prediction.seen)
