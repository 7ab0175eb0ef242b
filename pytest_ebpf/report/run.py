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
class Run:
    """The *matrix* of a *project*; when the run *began* (ISO 8601, "" if unknown), the *seconds* it took."""

    matrix: Matrix
    project: str = ""
    began: str = ""
    seconds: float = 0.0
    programs: tuple[ProgramSize, ...] = ()

    @classmethod
    def of(
        cls,
        matrix: Matrix,
        sizes: Iterable[ProgramSize],
        *,
        project: str = "",
        began: str = "",
        seconds: float = 0.0,
    ) -> Self:
        """Of several *sizes* of a program on a kernel (as it depends on globals) the largest stands."""
        largest: dict[tuple[str, str, str], ProgramSize] = {}
        for size in sizes:
            place = (size.object, size.program, size.column)
            known = largest.setdefault(place, size)
            if size.verified_insns > known.verified_insns:
                largest[place] = size
        return cls(matrix, project, began, seconds, tuple(largest.values()))
