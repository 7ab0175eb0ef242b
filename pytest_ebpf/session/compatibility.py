"""Which programs of any object load on which kernels, and why not. Needs no test and no manifest."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from pytest_ebpf.bpf import LoadOptions, load
from pytest_ebpf.bpf.verifier import source_line
from pytest_ebpf.errors import EbpfError, LoadError, ObjectError
from pytest_ebpf.report import Cell, Matrix, Outcome
from pytest_ebpf.session.failure import lost_machine, outcome_of
from pytest_ebpf.session.fleet import Fleet
from pytest_ebpf.session.parallel import side_by_side
from pytest_ebpf.session.workspace import Prepared


def compatibility(objects: Sequence[Prepared], specs: Sequence[str], fleet: Fleet) -> Matrix:
    """Load every program of *objects* on every kernel, several kernels at once, each program by itself.

    Rows are ``object: program``, columns the releases that booted. :class:`~pytest_ebpf.errors.ObjectError`
    for an object without programs, which could only look as if it loaded.
    """
    for prepared in objects:
        if not prepared.facts.programs:
            raise ObjectError(
                "there is no program in it", where=prepared.name, hint='give a function a SEC("xdp")'
            )
    kernels = {spec: fleet.kernel(spec) for spec in specs}  # fetched first, one after the other
    assert fleet.accelerator  # decided once, before machines are started side by side
    columns = side_by_side([partial(_column, objects, spec, fleet) for spec in kernels])
    return Matrix.of([cell for column in columns for cell in column])


def _column(objects: Sequence[Prepared], spec: str, fleet: Fleet) -> list[Cell]:
    try:
        return [cell for prepared in objects for cell in _rows(prepared, spec, fleet)]
    finally:
        fleet.discard(spec)


def _rows(prepared: Prepared, spec: str, fleet: Fleet) -> Iterator[Cell]:
    names = [program.name for program in prepared.facts.programs]
    for name in names:
        start = time.monotonic()
        options = replace(_plain(prepared.options), autoload={other: other == name for other in names})
        label, outcome, reason = _attempt(prepared, options, spec, fleet)
        yield Cell(f"{prepared.name}: {name}", label, outcome, reason, time.monotonic() - start)


def _plain(options: LoadOptions) -> LoadOptions:
    """*options* as far as they matter for whether a kernel takes a program."""
    return replace(options, alternatives={}, contents={}, entries={}, pin={})


def _attempt(
    prepared: Prepared, options: LoadOptions, spec: str, fleet: Fleet
) -> tuple[str, Outcome, str | None]:
    """Load one program; a machine that was lost on the way is replaced for the next."""
    label, release = spec, ""
    try:
        running = fleet.running(spec, "matrix")
        label, release = running.label, running.guest.hello.release
        load(running.guest, prepared.elf, prepared.facts, name=prepared.name, options=options).close()
    except EbpfError as error:
        if lost_machine(error):
            fleet.discard(spec)
        return label, outcome_of(error), reason_of(error, release)
    return label, Outcome.PASSED, None


def reason_of(error: EbpfError, release: str) -> str:
    """Return why, without the kernel: its column says that, and the same reason is told once for all."""
    what = error.what.removesuffix(f" (kernel {release})").replace(f"kernel {release}", "this kernel")
    at = source_line(error.log) if isinstance(error, LoadError) else None
    return f"{what}, at {at}" if at else what
