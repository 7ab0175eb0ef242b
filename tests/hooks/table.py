"""The page ``docs/hooks.md`` from what the tests of this folder have proven. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

HEAD: Final = """\
# Hooks

Each hook below is declared in a manifest, attached in the guest, triggered and observed by a test in
[tests/hooks](../tests/hooks), which is a project as you would write one: take the tests as examples. This
page is written from their outcomes (`make hooks-table`), and `make test` fails when it no longer says what
they prove. The same tests are run with attaching left out, and have to fail then.

"""


@dataclass(frozen=True)
class Proof:
    """What became of a test in *file* of the *hook* on the kernel *spec*; *outcome* as a cell has it."""

    hook: str
    file: str
    spec: str
    outcome: str
    reason: str


def page(proofs: Iterable[Proof]) -> str:
    """Return the page: hooks in the order of their files and names, kernels in that of versions."""
    known = sorted(proofs, key=lambda proof: (proof.file, proof.hook))
    kernels = sorted({proof.spec for proof in known}, key=_version)
    notes: dict[str, int] = {}
    rows = [
        [f"[{hook}](../tests/hooks/{file})"]
        + [
            _cell([each for each in known if (each.hook, each.spec) == (hook, spec)], notes)
            for spec in kernels
        ]
        for hook, file in dict.fromkeys((proof.hook, proof.file) for proof in known)
    ]
    lines = [_row(["Hook", *kernels]), _row(["---"] * (len(kernels) + 1)), *map(_row, rows)]
    told = [f"{number}. {reason}" for reason, number in notes.items()]
    return HEAD + "\n".join([*lines, "", *told]).rstrip() + "\n"


def _cell(proofs: Sequence[Proof], notes: dict[str, int]) -> str:
    """``proven`` where every test of the hook passed, else the numbers of the reasons why not."""
    reasons = [proof.reason for proof in proofs if proof.outcome != "passed"]
    if any(proof.outcome == "passed" for proof in proofs) and not reasons:
        return "proven"
    numbers = {notes.setdefault(_lack(reason), len(notes) + 1) for reason in reasons}
    return ", ".join(f"no ({number})" for number in sorted(numbers)) or "-"


def _lack(reason: str) -> str:
    """Return what is missing, of ``where: what is missing, as 6.12.117 has; what to do``."""
    what = reason.partition("; ")[0].partition(", as ")[0]
    return what[max(0, what.find("this kernel ")) :]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _version(spec: str) -> tuple[int, ...]:
    return tuple(int(part) for part in spec.split("."))
