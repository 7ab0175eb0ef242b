"""What the verifier may have to do for programs: budgets of the manifest and of tests, and a baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from pytest_ebpf.bpf.complexity import Complexity
from pytest_ebpf.errors import Problem, UsageError
from pytest_ebpf.manifest import Manifest
from pytest_ebpf.report import (
    FIGURES,
    ProgramSize,
    baseline_document,
    by,
    held_against,
    merged,
    read_sizes,
)
from pytest_ebpf.session.workspace import Workspace

#: The file that a baseline is written to where the manifest names none.
FILE_NAME: Final = "ebpf-baseline.json"

_WRITE: Final = "ebpf-build stats --write"

Read = TypeVar("Read")


@dataclass(frozen=True)
class Budget:
    """The most of each of *figures* by name, set at *where*; of all programs, or of the *program* named."""

    figures: Mapping[str, int]
    where: str
    program: str | None = None


@dataclass(frozen=True)
class Baseline:
    """What programs took once: *sizes* in the file *name*, and the *tolerance* in percent.

    *again* is the command that writes the file anew, if there is one.
    """

    name: str
    sizes: Sequence[ProgramSize]
    tolerance: int
    again: str = ""


@dataclass(frozen=True)
class Excess:
    """A *figure* of a program that is over what it may be, and the *problem* with it."""

    size: ProgramSize
    figure: str
    problem: Problem


@dataclass(frozen=True)
class Limits:
    """What programs of a project are held to; a budget of the *manifest* counts more than the *baseline*."""

    manifest: Manifest | None = None
    baseline: Baseline | None = None

    def exceeded(self, sizes: Sequence[ProgramSize], budgets: Sequence[Budget] = ()) -> list[Excess]:
        """Return where *sizes* are over their limits. Of *budgets*, which count more, the first stands.

        A figure that the kernel does not tell is within any.
        """
        was = held_against(self.baseline.sizes, sizes) if self.baseline else {}
        return [
            excess
            for size in sizes
            for figure in FIGURES
            if (excess := self._excess(size, figure, budgets, was.get(size)))
        ]

    def _excess(
        self, size: ProgramSize, figure: str, budgets: Sequence[Budget], was: ProgramSize | None
    ) -> Excess | None:
        value: int | None = getattr(size, figure)
        if value is None:
            return None
        for budget in (*budgets, *self._declared(size)):
            if figure in budget.figures and budget.program in (None, size.program):
                most = budget.figures[figure]
                said = _over_budget(value, most, figure, budget.where) if value > most else None
                break
        else:
            said = self._over_baseline(value, getattr(was, figure, None), figure)
        if said is None:
            return None
        where = f"{size.object}: {size.program} on {size.column}"
        return Excess(size, figure, Problem(where, *said))

    def _declared(self, size: ProgramSize) -> Iterator[Budget]:
        """The budgets of a program in the manifest, each with the line it is in."""
        declared = self.manifest.objects.get(size.object) if self.manifest else None
        program = declared.programs.get(size.program) if declared else None
        if self.manifest and program:
            path = ("objects", size.object, "programs", size.program, "budget")
            for figure, most in program.budget.model_dump(exclude_none=True).items():
                yield Budget({figure: most}, self.manifest.where((*path, figure)))

    def _over_baseline(self, value: int, was: int | None, figure: str) -> tuple[str, str] | None:
        baseline = self.baseline
        if baseline is None or was is None or value * 100 <= was * (100 + baseline.tolerance):
            return None
        what = (
            f"{value:,} {FIGURES[figure]}, {by(value, was)} over the {was:,} of {baseline.name} "
            f"({baseline.tolerance} % are tolerated)"
        )
        again = f", or write the baseline anew: {baseline.again}" if baseline.again else ""
        return what, f"make the program simpler{again}"


def _over_budget(value: int, most: int, figure: str, where: str) -> tuple[str, str]:
    what = f"{value:,} {FIGURES[figure]}, {by(value, most)} over the budget of {most:,} ({where})"
    return what, "make the program simpler, or raise the budget"


def size_of(name: str, program: str, complexity: Complexity, column: str) -> ProgramSize:
    """Return what the verifier of the kernel in *column* had to do for a *program* of the object *name*."""
    return ProgramSize(
        name,
        program,
        column,
        verified_insns=complexity.verified_insns or 0,
        states=complexity.states,
        peak_states=complexity.peak_states,
        stack=complexity.stack,
        load_time=complexity.load_time,
    )


def limits_of(workspace: Workspace, *, baseline: bool = True) -> Limits:
    """Return what the manifest sets; without its *baseline* where that is about to be written.

    :class:`~pytest_ebpf.errors.UsageError` if the baseline that it names cannot be read.
    """
    manifest = workspace.manifest
    if manifest is None or manifest.test.baseline is None or not baseline:
        return Limits(manifest)
    where = f"{manifest.where(('test', 'baseline'))}: test.baseline: {manifest.test.baseline}"
    return Limits(
        manifest,
        Baseline(
            manifest.test.baseline,
            read_baseline(baseline_file(workspace), where, f"write it: {_WRITE}"),
            manifest.test.tolerance,
            _WRITE,
        ),
    )


def baseline_file(workspace: Workspace) -> Path:
    """Return where the baseline of a project is, or would be."""
    return workspace.root / (workspace.test.baseline or FILE_NAME)


def read_baseline(file: Path, where: str, hint: str) -> list[ProgramSize]:
    """Return the figures in *file*; :class:`~pytest_ebpf.errors.UsageError` if there are none."""
    return read_report(file, read_sizes, where, hint)


def read_report(file: Path, read: Callable[[str], Read], where: str, hint: str) -> Read:
    """Return what *read* makes of *file*, a document of this package.

    :class:`~pytest_ebpf.errors.UsageError` if it is none.
    """
    try:
        return read(file.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", where=where, hint=hint) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"is not JSON ({error})", where=where, hint=hint) from error
    except ValueError as error:
        raise UsageError(str(error), where=where, hint=hint) from error


def write_baseline(file: Path, sizes: Sequence[ProgramSize], *, anew: bool = False) -> None:
    """Write *sizes* to *file*, which keeps what it has of other programs and kernels, unless made *anew*.

    :class:`~pytest_ebpf.errors.UsageError` if it cannot be written, or is there and no baseline.
    """
    there = not anew and file.exists()
    before = read_baseline(file, str(file), "remove it, or name another file") if there else []
    try:
        file.write_text(baseline_document(merged(before, sizes)), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written ({error.strerror})", where=str(file)) from error
