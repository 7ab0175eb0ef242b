"""What the checks of declarations look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_ebpf.manifest.defect import DefectError, Finding
from pytest_ebpf.manifest.model import Document
from pytest_ebpf.manifest.sizes import layout
from pytest_ebpf.manifest.typeexpr import BUILTINS, TypeExpr, meant
from pytest_ebpf.suggest import suggestion


@dataclass(frozen=True)
class Scope:
    """All declarations, the folder their paths are relative to, and which of them are *doubtful*.

    A doubtful declaration was malformed and is not there, or not whole; nothing is concluded from that.
    """

    document: Document
    root: Path
    doubtful: frozenset[tuple[str | int, ...]]

    def is_doubtful(self, table: str, name: str) -> bool:
        """Whether ``table.name`` was malformed."""
        return (table, name) in self.doubtful or (table,) in self.doubtful

    def unknown_type(self, path: tuple[str | int, ...], expr: TypeExpr) -> Iterator[Finding]:
        """Say at *path* that the base of *expr* is no type, if it is none."""
        types = self.document.types
        if expr.base not in BUILTINS and expr.base not in types and not self.is_doubtful("types", expr.base):
            ours = meant(str(expr))
            hint = f'did you mean "{ours}"?' if ours else suggestion(expr.base, (*types, *BUILTINS))
            hint = hint or f"declare it as [types.{expr.base}]"
            yield Finding(path, f'unknown type (seen "{expr}")', hint)

    def size(self, expr: TypeExpr) -> int | None:
        """The size of *expr* in bytes; None where something is wrong with its type, said elsewhere."""
        try:
            return layout(self.document, expr).size
        except DefectError:
            return None
