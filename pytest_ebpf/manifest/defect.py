"""Defects of declarations, before it is known on which line they stand, and what may have been meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


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


def named_twice(path: tuple[str | int, ...], names: Sequence[str]) -> Iterator[Finding]:
    """Say which elements of the array at *path* are there already."""
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Finding((*path, index), f'named twice (seen "{name}")', "remove one")
