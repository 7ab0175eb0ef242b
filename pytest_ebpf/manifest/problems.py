"""What pydantic found wrong, in the words of the manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pytest_ebpf.manifest.defect import DefectError, Finding
from pytest_ebpf.manifest.model import (
    AllowedSplat,
    BudgetDecl,
    Build,
    Declaration,
    Document,
    EntryDecl,
    GlobalDecl,
    LoadDecl,
    MapDecl,
    ObjectDecl,
    ProgramDecl,
    Project,
    Test,
)
from pytest_ebpf.manifest.scalars import shown
from pytest_ebpf.manifest.source import dotted
from pytest_ebpf.manifest.typedecl import KINDS_OF_TYPE
from pytest_ebpf.suggest import suggestion

Path = tuple[str | int, ...]

_TABLES: Final[Mapping[str, type[Declaration]]] = {"project": Project, "build": Build, "test": Test}
_ENTRIES: Final[Mapping[str, type[Declaration]]] = {
    "maps": MapDecl,
    "globals": GlobalDecl,
    "objects": ObjectDecl,
}
#: Tables within those, by the name of the outermost and their own.
_WITHIN: Final[Mapping[tuple[str, str], type[Declaration]]] = {
    ("test", "allow_splats"): AllowedSplat,
    ("maps", "contents"): EntryDecl,
    ("objects", "programs"): ProgramDecl,
    ("objects", "load"): LoadDecl,
}

#: The wording of pydantic's kinds of errors; the rest keep pydantic's own.
_PHRASES: Final[Mapping[str, str]] = {
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": "must be an array",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "union_tag_not_found": "needs exactly one of struct, union, enum",
}


def findings(error: ValidationError) -> list[Finding]:
    """Return what *error* says, each with its path in the document.

    An array whose elements are wrong is empty to pydantic once they are left out; that is no mistake.
    """
    said = error.errors(include_url=False)
    inner = {details["loc"][:at] for details in said for at in range(len(details["loc"]))}
    return [_finding(each) for each in said if each["type"] != "too_short" or each["loc"] not in inner]


def _finding(details: ErrorDetails) -> Finding:
    path = _document_path(details["loc"])
    what, hint = _words(details, path)
    return Finding(path, what, hint)


def _document_path(loc: Path) -> Path:
    """Drop what pydantic adds to the path: the tag of a union and the mark of a mapping's key."""
    path = tuple(part for part in loc if part != "[key]")
    return path[:2] + path[3:] if len(path) > 2 and path[0] == "types" else path


def _words(details: ErrorDetails, path: Path) -> tuple[str, str | None]:
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    if isinstance(defect := context.get("error"), DefectError):
        return defect.what, defect.hint
    if kind == "missing":
        table = dotted(path[:-1])
        return "required key is missing", f"add it to [{table}]" if table else f"add the table [{path[-1]}]"
    if kind == "extra_forbidden":
        return "unknown key", suggestion(str(path[-1]), _known_keys(details["loc"][:-1]))
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return f"unknown value ({shown(value)})", suggestion(str(value), known)
    phrase = _PHRASES.get(kind) or details["msg"][:1].lower() + details["msg"][1:].replace("{", "{{")
    return f"{phrase.format(**context)} ({shown(value)})", _spelling(kind, value)


def _spelling(kind: str, value: object) -> str | None:
    """How TOML would have the *value*, where only its form is wrong."""
    match kind, value:
        case "string_type", int() | float() if not isinstance(value, bool):
            return "put it in quotes"
        case "int_type", str() if value.isdecimal():
            return "leave out the quotes"
        case "tuple_type", str():
            return "put it in brackets"
    return None


def _known_keys(table: Path) -> list[str]:
    """The keys of the table that pydantic located at *table*."""
    fields = _model_at(table).model_fields
    return [field.alias or name for name, field in fields.items()]


def _model_at(table: Path) -> type[Declaration]:
    match table:
        case ():
            return Document
        case ("types", _, str(kind)):
            return KINDS_OF_TYPE[kind]
        case ("objects", _, "programs", _, "budget", *_):
            return BudgetDecl
        case ("test", str(key), *_):
            return _WITHIN["test", key]
        case (str(name), _, str(key), *_):
            return _WITHIN[name, key]
        case (str(name), *_):
            return _TABLES.get(name) or _ENTRIES[name]
    raise AssertionError(f"no table has the path {table}")
