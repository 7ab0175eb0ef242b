"""Programs that would hold the rest of their object back, by what is predicted of the kernels at hand."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_ebpf.compat.model import Report, Verdict
from pytest_ebpf.requirements import Stage


@dataclass(frozen=True)
class Lack:
    """*what* keeps a program from being loaded on a kernel; *everywhere*: on all that are at hand."""

    what: str
    everywhere: bool


def lacks_of(report: Report) -> dict[str, dict[str, Lack]]:
    """By object and program, what keeps it from being loaded on some kernel, or on all.

    A kernel that can load nothing of an object says nothing of its programs.
    """
    loadable = {(each.object, each.kernel) for each in report.verdicts if _lack(each) is None}
    found: dict[str, dict[str, Lack]] = {}
    for name, program in report.rows:
        verdicts = report.of((name, program))
        lacking = {kernel: what for kernel, each in verdicts.items() if (what := _lack(each))}
        everywhere = bool(lacking) and len(lacking) == len(report.kernels)
        counting = {kernel: what for kernel, what in lacking.items() if (name, kernel) in loadable}
        for kernel, what in list((lacking if everywhere else counting).items())[:1]:
            text = f"on no kernel at hand: {what}" if everywhere else f"not on {kernel}: {what}"
            found.setdefault(name, {})[program] = Lack(text, everywhere)
    return found


def _lack(verdict: Verdict) -> str | None:
    """What keeps a program from being loaded there."""
    return next((each.what for each in verdict.lacks if each.certain and each.stage is Stage.LOAD), None)
