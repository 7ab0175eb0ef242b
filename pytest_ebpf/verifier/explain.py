"""From a log to an explanation."""

from __future__ import annotations

from dataclasses import replace

from pytest_ebpf.verifier.case import Case
from pytest_ebpf.verifier.log import reasons, suggested, told_once
from pytest_ebpf.verifier.model import Explanation, Kind
from pytest_ebpf.verifier.places import Places
from pytest_ebpf.verifier.rules import match
from pytest_ebpf.verifier.sources import Sources
from pytest_ebpf.verifier.steps import follow


def explain(log: str, sources: Sources | None = None, *, program: str | None = None) -> Explanation | None:
    """Why a kernel refused *program*, by the *log* of libbpf and the verifier; None if that does not say.

    *sources* are those of the program; without them lines are told as far as the log tells them.
    """
    said = reasons(log)
    if not said:
        return None
    path = follow(told_once(log))
    places = Places(path, sources)
    last, place = path.end, places.of(path.end)
    told = Explanation(
        kind=Kind.OTHER,
        reason=said[-1],
        said=said[-1],
        program=program,
        instruction=f"{last.index}: {last.text}" if last else None,
        place=place,
        neighbours=places.around(place),
        registers=(),
        causes=(),
        suggestion=suggested(log),
        lines=len(log.splitlines()),
    )
    found = match(said, last)
    return _understood(told, Case(path, places, found)) if found else told


def _understood(told: Explanation, case: Case) -> Explanation:
    """*told* with all that is known of a mistake whose wording is."""
    return replace(
        told,
        kind=case.kind,
        reason=case.reason,
        said=case.found.line,
        place=case.place,
        neighbours=case.places.around(case.place),
        registers=tuple(case.registers()),
        causes=tuple(case.causes()),
        suggestion=case.advice or told.suggestion,
    )
