"""Which programs of any object load on which kernels, and why not. Needs no test and no manifest."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from pytest_ebpf.bpf import LoadOptions, load
from pytest_ebpf.errors import EbpfError
from pytest_ebpf.report import Cell, Matrix, Outcome
from pytest_ebpf.session.failure import lost_machine, outcome_of
from pytest_ebpf.session.fleet import Fleet
from pytest_ebpf.session.workspace import Prepared


def compatibility(objects: Sequence[Prepared], specs: Sequence[str], fleet: Fleet) -> Matrix:
    """Load every program of *objects* on every kernel, several kernels at once, each program by itself.

    Rows are ``object: program``, columns the releases that booted.
    """
    kernels = {spec: fleet.kernel(spec) for spec in specs}  # fetched first, one after the other
    assert fleet.accelerator  # decided once, before machines are started side by side
    with ThreadPoolExecutor(max_workers=min(len(kernels), os.cpu_count() or 1)) as pool:
        columns = pool.map(lambda spec: _column(objects, spec, fleet), kernels)
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
        label, outcome, reason = _attempt(prepared, {other: other == name for other in names}, spec, fleet)
        yield Cell(f"{prepared.name}: {name}", label, outcome, reason, time.monotonic() - start)


def _attempt(
    prepared: Prepared, autoload: dict[str, bool], spec: str, fleet: Fleet
) -> tuple[str, Outcome, str | None]:
    """Load one program; a machine that was lost on the way is replaced for the next."""
    label = spec
    try:
        running = fleet.running(spec)
        label = running.label
        options = LoadOptions(autoload=autoload)
        load(running.guest, prepared.elf, prepared.facts, name=prepared.name, options=options).close()
    except EbpfError as error:
        if lost_machine(error):
            fleet.discard(spec)
        return label, outcome_of(error), error.what
    return label, Outcome.PASSED, None
