"""The kernels that objects and their programs are for, by what is predicted of the kernels at hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_ebpf.compat.model import Report, Verdict
from pytest_ebpf.requirements import Stage

_LINE = re.compile(r"\d+\.\d+")


@dataclass(frozen=True)
class Lack:
    """*what* keeps something from being loaded on a kernel.

    *kernels* is the range that it is for, as a manifest writes it; None if it is for none that is at hand.
    """

    what: str
    kernels: str | None


@dataclass(frozen=True)
class Lacks:
    """What keeps programs of an object back, by their names, and what keeps all of it back on some kernel.

    *attaching*: what those that can be loaded lack for being attached, on every kernel.
    """

    programs: Mapping[str, Lack] = field(default_factory=dict)
    whole: Lack | None = None
    attaching: Mapping[str, str] = field(default_factory=dict)


def lacks_of(report: Report) -> dict[str, Lacks]:
    """By object, what keeps it and its programs from being loaded.

    A kernel that can load nothing of an object says nothing of its programs: the object is for the others.
    """
    found: dict[str, dict[str, Mapping[str, Verdict]]] = {}
    for name, program in report.rows:
        found.setdefault(name, {})[program] = report.of((name, program))
    return {name: _of_an_object(programs, report.kernels) for name, programs in found.items()}


def _of_an_object(programs: Mapping[str, Mapping[str, Verdict]], kernels: Sequence[str]) -> Lacks:
    lacking = {
        name: {kernel: what for kernel, each in verdicts.items() if (what := _lack(each))}
        for name, verdicts in programs.items()
    }
    required = [name for name, found in programs.items() if all(each.required for each in found.values())]
    whole = {
        kernel: lacking[required[0]][kernel]
        for kernel in kernels
        if required and all(kernel in lacking[name] for name in required)
    }
    rest = [each for each in kernels if each not in whole]
    lacks = {name: _of_a_program(each, kernels, rest) for name, each in lacking.items()}
    unattached = {name: _unattached(each, lacking[name]) for name, each in programs.items()}
    return Lacks(
        {name: each for name, each in lacks.items() if each},
        _of_a_program(whole, kernels, kernels),
        {name: f"on no kernel at hand: {what}" for name, what in unattached.items() if what},
    )


def _unattached(verdicts: Mapping[str, Verdict], lacking: Mapping[str, str]) -> str | None:
    """What a program lacks for being attached, on all kernels that are not *lacking* what it is loaded by."""
    found = [
        next((lack.what for lack in each.lacks if lack.stage is Stage.ATTACH), None)
        for kernel, each in verdicts.items()
        if kernel not in lacking
    ]
    return found[-1] if found and all(found) else None


def _of_a_program(lacking: Mapping[str, str], kernels: Sequence[str], rest: Sequence[str]) -> Lack | None:
    """*lacking*: what, by kernel. *rest*: the kernels that can load something of its object."""
    if len(lacking) == len(kernels):
        return Lack(f"on no kernel at hand: {lacking[kernels[-1]]}", None) if kernels else None
    return _part({kernel: what for kernel, what in lacking.items() if kernel in rest}, rest)


def _part(lacking: Mapping[str, str], kernels: Sequence[str]) -> Lack | None:
    """What the first of those kernels lacks that are *lacking*, and the range of the others."""
    if not lacking:
        return None
    kernel, what = next(iter(lacking.items()))
    return Lack(f"not on {kernel}: {what}", _range(kernels, lacking))


def _range(kernels: Sequence[str], without: Mapping[str, str]) -> str | None:
    """The range of *kernels*, oldest first, that leaves out the lines of those *without*."""
    lines = {each: found[0] for each in kernels if (found := _LINE.match(each))}
    left_out = {line for kernel, line in lines.items() if kernel in without}
    order = list(dict.fromkeys(lines.values()))
    left = [at for at, line in enumerate(order) if line not in left_out]
    if not left:
        return None
    first, last = left[0], left[-1]
    ranges = [
        *([f">{order[first - 1]}"] if first else []),
        *(f"!={line}" for line in order[first:last] if line in left_out),
        *([f"<{order[last + 1]}"] if last + 1 < len(order) else []),
    ]
    return ",".join(ranges) or None


def _lack(verdict: Verdict) -> str | None:
    """What keeps a program from being loaded there."""
    return next((each.what for each in verdict.lacks if each.certain and each.stage is Stage.LOAD), None)
