"""What the verifier had to do for programs, as a document: a baseline, or figures for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from pytest_ebpf.report.changes import columns_before
from pytest_ebpf.report.matrix import version_key
from pytest_ebpf.report.run import ProgramSize, largest
from pytest_ebpf.report.versioned import VERSION, read_versioned

#: The figures that a program is held to, and what they count. Time is none: it is another at every load.
FIGURES: Final[Mapping[str, str]] = {
    "verified_insns": "verified instructions",
    "states": "states",
    "peak_states": "states at once",
    "stack": "bytes of stack",
}


def size_entry(size: ProgramSize, *, times: bool = True) -> dict[str, Any]:
    """Return *size* as JSON, without what is not known, and without the time unless *times*."""
    entry = asdict(size)
    if not times:
        del entry["load_time"]
    return {key: value for key, value in entry.items() if value is not None}


def read_size(entry: Mapping[str, Any]) -> ProgramSize:
    """Return what :func:`size_entry` has written; KeyError, TypeError, ValueError if it is nothing such."""
    figures = {key: int(entry[key]) for key in FIGURES if entry.get(key) is not None}
    time = entry.get("load_time")
    return ProgramSize(
        str(entry["object"]),
        str(entry["program"]),
        str(entry["column"]),
        **{"verified_insns": int(entry["verified_insns"]), **figures},
        load_time=None if time is None else float(time),
    )


def baseline_document(sizes: Iterable[ProgramSize]) -> str:
    """Return *sizes* as the text of a baseline: a line for each, in an order of their own, without times.

    The same figures give the same text, and a change of one is a change of one line.
    """
    lines = [json.dumps(size_entry(each, times=False), ensure_ascii=False) for each in in_order(sizes)]
    programs = ",\n    ".join(lines)
    return f'{{\n  "version": {VERSION},\n  "programs": [\n    {programs}\n  ]\n}}\n'


def sizes_document(sizes: Iterable[ProgramSize], *, emulated: bool, exceeded: Sequence[str]) -> str:
    """Return *sizes* as JSON: what a baseline has, times, and what is said of budgets that are *exceeded*."""
    document = {
        "version": VERSION,
        "emulated": emulated,
        "exceeded": list(exceeded),
        "programs": [size_entry(each) for each in sizes],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def read_sizes(text: str) -> list[ProgramSize]:
    """Return the figures in either document, or in a matrix.json.

    ValueError, with a sentence for the user, if it is none of them.
    """
    return read_versioned(text, "tells of no programs", _programs)


def _programs(said: Mapping[str, Any]) -> list[ProgramSize]:
    return largest(read_size(each) for each in said["programs"])


def held_against(
    before: Iterable[ProgramSize], after: Sequence[ProgramSize]
) -> dict[ProgramSize, ProgramSize]:
    """Return which of *before* each of *after* is held against: on its kernel, else the one of its line."""
    found: dict[ProgramSize, ProgramSize] = {}
    known, wanted = _by_program(before), _by_program(after)
    for program, now in wanted.items():
        old = known.get(program, {})
        was = columns_before([*old], [*now])
        found |= {now[column]: old[was[column]] for column in now if column in was}
    return found


def merged(before: Iterable[ProgramSize], after: Sequence[ProgramSize]) -> list[ProgramSize]:
    """Return *after*, and what *before* has of other programs and other kernels."""
    kept = list(before)
    replaced = set(held_against(kept, after).values())
    return [*(each for each in kept if each not in replaced), *after]


def in_order(sizes: Iterable[ProgramSize]) -> list[ProgramSize]:
    """Sort by object, program, and the version of the kernel."""
    return sorted(sizes, key=lambda each: (each.object, each.program, version_key(each.column)))


def _by_program(sizes: Iterable[ProgramSize]) -> dict[tuple[str, str], dict[str, ProgramSize]]:
    """By object and program, then by column."""
    found: dict[tuple[str, str], dict[str, ProgramSize]] = {}
    for size in sizes:
        found.setdefault((size.object, size.program), {})[size.column] = size
    return found
