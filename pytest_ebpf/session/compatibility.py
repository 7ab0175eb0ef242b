"""Which programs of any object load on which kernels, and why not. Needs no test and no manifest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from pytest_ebpf.bpf import LoadOptions, load
from pytest_ebpf.bpf.complexity import Complexity
from pytest_ebpf.errors import EbpfError, KernelError, LoadError
from pytest_ebpf.objects import require_programs
from pytest_ebpf.report import Cell, Matrix, Outcome, Prediction, ProgramSize, Run
from pytest_ebpf.session.failure import lost_machine, outcome_of
from pytest_ebpf.session.fleet import Fleet
from pytest_ebpf.session.limits import size_of
from pytest_ebpf.session.parallel import side_by_side
from pytest_ebpf.session.predictions import Deed, Predictions
from pytest_ebpf.session.prepared import Prepared
from pytest_ebpf.session.ranges import not_declared, outside


def compatibility(
    objects: Sequence[Prepared],
    specs: Sequence[str],
    fleet: Fleet,
    tell: Callable[[str], None] = lambda _: None,
) -> Run:
    """Load every program of *objects* on every kernel, several kernels at once, each program by itself.

    Rows are ``object: program``, columns the releases that booted. A program that is for other kernels is not
    loaded; of alternatives that a kernel does not take those are skipped beside which it takes another.
    *tell* is told how far it is, by several threads.
    :class:`~pytest_ebpf.errors.ObjectError` for an object without programs, which could only look as if it
    loaded; :class:`~pytest_ebpf.errors.KernelError` for a kernel that cannot be had, or not be spoken to.
    """
    for prepared in objects:
        require_programs(prepared.facts, prepared.name)
    kernels = {spec: fleet.kernel(spec) for spec in specs}  # fetched first, one after the other
    assert fleet.accelerator  # decided once, before machines are started side by side
    done: list[str] = []

    def column(spec: str) -> list[_Told]:
        found = _column(objects, spec, fleet)
        done.append(spec)
        tell(f"{len(done)} of {len(specs)} done")
        return found

    columns = side_by_side([partial(column, spec) for spec in kernels])
    told = [each for column in columns for each in column]
    return Run.of(
        Matrix.of([each.cell for each in told]),
        [each.size for each in told if each.size],
        predictions=_predictions([each.deed for each in told if each.deed]),
    )


def _predictions(deeds: Sequence[Deed]) -> list[Prediction]:
    made = Predictions()
    return [each for deed in deeds for each in made.compared(deed)]


@dataclass(frozen=True)
class _Told:
    """A *cell*, what it shows of the kernel if it does, what the verifier had to do if it was loaded."""

    cell: Cell
    deed: Deed | None
    size: ProgramSize | None


def _column(objects: Sequence[Prepared], spec: str, fleet: Fleet) -> list[_Told]:
    try:
        return [told for prepared in objects for told in _chosen(prepared, _rows(prepared, spec, fleet))]
    finally:
        fleet.discard(spec)


def _rows(prepared: Prepared, spec: str, fleet: Fleet) -> dict[str, _Told]:
    """The cells of an object by its programs."""
    names = [program.name for program in prepared.facts.programs]
    # libbpf loads nothing without the programs that it puts into maps itself.
    held = {name for each in prepared.facts.maps for name in each.programs}
    told = {}
    for name in names:
        start = time.monotonic()
        options = replace(
            _plain(prepared.options),
            autoload={other: other == name or other in held for other in names},
        )
        done = _attempt(replace(prepared, options=options), name, spec, fleet)
        outcome = outcome_of(done.error) if done.error else Outcome.PASSED
        reason = reason_of(done.error, done.release) if done.error else None
        cell = Cell(f"{prepared.name}: {name}", done.label, outcome, reason, time.monotonic() - start)
        size = size_of(prepared.name, name, done.complexity, done.label) if done.complexity else None
        told[name] = _Told(cell, done.deed, size)
    return told


def _chosen(prepared: Prepared, rows: dict[str, _Told]) -> Iterator[_Told]:
    """*rows*, of which those are skipped that need not work, as an alternative does."""
    for name, told in rows.items():
        cell = told.cell
        others = next((each for each in prepared.options.alternatives.values() if name in each), ())
        taken = next((each for each in others if rows[each].cell.outcome is Outcome.PASSED), None)
        if taken and cell.outcome in _NOT_TAKEN:
            reason = f"{taken} is taken: {cell.reason}"
            yield replace(told, cell=replace(cell, outcome=Outcome.SKIPPED, reason=reason))
        else:
            yield told


#: Outcomes of a program that a kernel does not take.
_NOT_TAKEN: Final = frozenset({Outcome.FAILED, Outcome.UNSUPPORTED})


def _plain(options: LoadOptions) -> LoadOptions:
    """*options* as far as they matter for whether a kernel takes a program."""
    return replace(options, alternatives={}, contents={}, entries={}, pin={})


@dataclass(frozen=True)
class _Attempt:
    """What booted (*label*, *release*), what it did if it is what it was taken for, and what failed.

    *complexity* is that of a program that was loaded.
    """

    label: str
    release: str = ""
    deed: Deed | None = None
    error: EbpfError | None = None
    complexity: Complexity | None = None


def _attempt(prepared: Prepared, name: str, spec: str, fleet: Fleet) -> _Attempt:
    """Load the program *name*; a machine that was lost on the way is replaced for the next."""
    done, kernel = _Attempt(spec), fleet.kernel(spec)
    out = outside(prepared.options.declared_for, kernel.version, prepared.name)
    try:
        running = fleet.running(spec, "matrix")
        done = _Attempt(running.label, running.guest.hello.release)
        if name in out:
            return replace(done, error=not_declared(prepared.name, out[name]))
        with load(
            running.guest, prepared.elf, prepared.facts, name=prepared.name, options=prepared.options
        ) as loaded:
            deed = Deed.of(prepared, kernel, loaded)
            done = replace(done, complexity=loaded.programs[name].complexity)
    except KernelError:  # it is of no program
        raise
    except EbpfError as error:
        if lost_machine(error):
            fleet.discard(spec)
        done = replace(done, error=error)
        deed = Deed(prepared, kernel, refused=error)
    return replace(done, deed=deed if done.label == str(kernel.version) else None)


def reason_of(error: EbpfError, release: str) -> str:
    """Return why, without the kernel: its column says that, and the same reason is told once for all."""
    what = error.what.removesuffix(f" (kernel {release})").replace(f"kernel {release}", "this kernel")
    at = error.at if isinstance(error, LoadError) else ""
    return f"{what}, at {at}" if at else what
