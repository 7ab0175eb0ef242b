"""Defects of declarations, before it is known on which line they stand, and what may have been meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


class DefectError(ValueError):
    """*what* is wrong with a value (the value seen included) and what to do (*hint*)."""

    def __init__(self, what: str, *, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(frozen=True)
class Finding:
    """A defect at a *path* of the document: keys of tables and indexes of arrays, from the root."""

    path: tuple[str | int, ...]
    what: str
    hint: str | None = None


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of *known* that *name* was most likely meant to be, None if none is near."""
    names = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return names[found[0]] if found else None


def suggestion(name: str, known: Iterable[str], *, limit: int = 12) -> str | None:
    """Say what was meant by *name*: the nearest of *known*, else all of them if there are at most *limit*."""
    names = sorted(known)
    if near := closest(name, names):
        return f'did you mean "{near}"?'
    return f"known: {', '.join(names)}" if 0 < len(names) <= limit else None
