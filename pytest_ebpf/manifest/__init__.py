"""``ebpf.toml``: read, checked, and frozen. Every problem at once, each with its line.

Only :func:`find` is cheap; the other names load pydantic when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from pytest_ebpf.manifest.discovery import FILE_NAME, find

if TYPE_CHECKING:
    from pytest_ebpf.manifest.json_schema import schema
    from pytest_ebpf.manifest.model import (
        Build,
        EnumDecl,
        GlobalDecl,
        LoadDecl,
        MapDecl,
        ObjectDecl,
        ProgramDecl,
        Project,
        StructDecl,
        Test,
        TypeDecl,
        UnionDecl,
    )
    from pytest_ebpf.manifest.reader import Manifest, load, loads
    from pytest_ebpf.manifest.sizes import layout
    from pytest_ebpf.manifest.typeexpr import Layout, TypeExpr

_HOME: Final = {
    "schema": "json_schema",
    "layout": "sizes",
    "Manifest": "reader",
    "load": "reader",
    "loads": "reader",
    "Layout": "typeexpr",
    "TypeExpr": "typeexpr",
}

__all__ = [
    "FILE_NAME",
    "Build",
    "EnumDecl",
    "GlobalDecl",
    "Layout",
    "LoadDecl",
    "Manifest",
    "MapDecl",
    "ObjectDecl",
    "ProgramDecl",
    "Project",
    "StructDecl",
    "Test",
    "TypeDecl",
    "TypeExpr",
    "UnionDecl",
    "find",
    "layout",
    "load",
    "loads",
    "schema",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME.get(name, 'model')}"), name)
