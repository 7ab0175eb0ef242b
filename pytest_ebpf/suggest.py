"""What was meant by a name that nothing has."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of *known* that *name* was most likely meant to be, None if none is near."""
    names = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return names[found[0]] if found else None


def suggestion(name: str, known: Iterable[str], *, limit: int = 12) -> str | None:
    """Say what was meant by *name*: the nearest of *known*, else all if there are at most *limit*."""
    names = sorted(known)
    if near := closest(name, names):
        return f'did you mean "{near}"?'
    return f"known: {', '.join(names)}" if 0 < len(names) <= limit else None
