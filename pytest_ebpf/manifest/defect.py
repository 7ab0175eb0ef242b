"""Defects of declarations, before it is known on which line they stand, and what may have been meant."""

from __future__ import annotations

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
