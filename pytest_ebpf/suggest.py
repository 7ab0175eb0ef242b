"""What was meant by a name that nothing has."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from itertools import takewhile


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of *known* that *name* was most likely meant to be, None if none is near."""
    names = {candidate.lower(): candidate for candidate in known}
    wanted = name.lower()
    found = get_close_matches(wanted, names, n=3, cutoff=0.6)
    return names[max(found, key=lambda each: _rank(each, wanted))] if found else None


def likeness(one: str, other: str) -> float:
    """How alike two names are: 0 if they have nothing in common, 1 if they are the same."""
    return SequenceMatcher(None, one, other).ratio()


def _rank(candidate: str, wanted: str) -> tuple[float, int]:
    """How alike they are; of those that are equally alike, a common beginning counts: people err later."""
    pairs = zip(candidate, wanted, strict=False)
    return likeness(candidate, wanted), len([*takewhile(lambda pair: pair[0] == pair[1], pairs)])


def suggestion(name: str, known: Iterable[str], *, limit: int = 12) -> str | None:
    """Say what was meant by *name*: the nearest of *known*, else all if there are at most *limit*."""
    names = sorted(known)
    if near := closest(name, names):
        return f'did you mean "{near}"?'
    return f"known: {', '.join(names)}" if 0 < len(names) <= limit else None
