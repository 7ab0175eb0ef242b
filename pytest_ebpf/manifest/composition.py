"""What declared types are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_ebpf.manifest.model import EnumDecl, TypeDecl


def circle(types: Mapping[str, TypeDecl], name: str) -> tuple[str, ...] | None:
    """The chain of declared types by which *name* contains itself (``a, b, a``); None if it does not."""
    seen: set[str] = set()
    waiting: list[tuple[str, ...]] = [(name,)]
    while waiting:
        chain = waiting.pop()
        bases = _bases(types, chain[-1])
        if name in bases:
            return (*chain, name)
        waiting += [(*chain, base) for base in bases if base not in seen]
        seen.update(bases)
    return None


def parts_first(types: Mapping[str, TypeDecl]) -> Iterator[str]:
    """The names of *types*, of which none contains itself, each after those it is made of."""
    done: set[str] = set()

    def visit(name: str) -> Iterator[str]:
        if name not in done:
            done.add(name)
            for base in _bases(types, name):
                yield from visit(base)
            yield name

    for name in types:
        yield from visit(name)


def _bases(types: Mapping[str, TypeDecl], name: str) -> list[str]:
    """The declared types of the fields of *name*, in their order."""
    declared = types[name]
    if isinstance(declared, EnumDecl):
        return []
    return [expr.base for expr in declared.fields.values() if expr.base in types]
