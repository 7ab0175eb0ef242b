"""Declared types as Python classes, and what values of them are in Python."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pytest_ebpf.manifest.model import EnumDecl, TypeDecl
from pytest_ebpf.manifest.typeexpr import TypeExpr

#: What tests write and read for the built-in types that are no integers, and their zero.
_BUILTINS: Final[Mapping[str, tuple[str, str]]] = {
    "bool": ("bool", "False"),
    "ipv4": ("str", '"0.0.0.0"'),
    "ipv6": ("str", '"::"'),
    "mac": ("str", '"00:00:00:00:00:00"'),
    "ipv4_prefix": ("str", '"0.0.0.0/0"'),
    "ipv6_prefix": ("str", '"::/0"'),
}

_INTEGER: Final = ("int", "0")

#: The class of structs that none can be written for.
RECORD: Final = "Record"

#: Columns of a line, as ruff has it unless told otherwise.
WIDTH: Final = 88

#: Makes a class that can be changed a key of dicts: keys of maps are read as such.
_HASH: Final = "hash_fields"
_EQUAL: Final = "equal_fields"


@dataclass
class Module:
    """A module in the making.

    *taken* are all names of the module, *names* the classes of declared types, *imported* the names used of
    the package, *standard* those of the standard library, *shadowed* the fields of the class being written.
    """

    types: Mapping[str, TypeDecl]
    taken: set[str]
    names: dict[str, str] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    standard: set[str] = field(default_factory=set)
    shadowed: frozenset[str] = frozenset()

    def name(self, name: str, home: str = "builtins") -> str:
        """Return how *name* is spelled in the class being written, where a field may have that name."""
        if name in self.shadowed:
            self.standard.add(home)
            return f"{home}.{name}"
        return name

    def claim(self, name: str) -> str:
        """Return the class name for a C *name*, made unlike all others of the module."""
        chosen = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
        while chosen in self.taken or not chosen.isidentifier() or keyword.iskeyword(chosen):
            chosen += "_"
        self.taken.add(chosen)
        return chosen


def expressible(declared: TypeDecl) -> bool:
    """Whether Python takes every name; such a type reads as a ``Record``, whose fields are items too."""
    names = declared.values if isinstance(declared, EnumDecl) else declared.fields
    return all(usable(name) for name in names)


def usable(name: str) -> bool:
    """Whether *name* can be that of an attribute."""
    return not keyword.iskeyword(name)


def type_class(name: str, declared: TypeDecl, made: Module) -> str:
    """Return the class of the declared type *name*."""
    if isinstance(declared, EnumDecl):
        return _enum(name, declared, made)
    made.standard |= {"dataclass", "ClassVar"}
    made.imported |= {_EQUAL, _HASH}
    made.shadowed = frozenset()
    lines = [
        "@dataclass",
        f"class {made.names[name]}:",
        f'    """``{declared.keyword} {name}``."""',
        "",
        f'    __btf_name__: ClassVar[str] = "{name}"',
        f"    __eq__ = {_EQUAL}",
        f"    __hash__ = {_HASH}",
        "",
    ]
    made.shadowed = frozenset(declared.fields)
    for each, expr in declared.fields.items():
        spelled = spell(expr, made)
        if declared.keyword == "union":
            lines.append(f"    {each}: {spelled} | None = None")
        else:
            lines.append(_wrapped(f"    {each}: {spelled} = {_default(expr, made)}"))
    return "\n".join(lines)


def _enum(name: str, declared: EnumDecl, made: Module) -> str:
    made.standard |= {"IntEnum"}
    return "\n".join(
        [
            f"class {made.names[name]}(IntEnum):",
            f'    """``enum {name}``."""',
            "",
            f'    __btf_name__ = "{name}"',
            "",
            *(f"    {constant} = {value}" for constant, value in declared.values.items()),
        ]
    )


def spell(expr: TypeExpr, made: Module) -> str:
    """The Python type of a value: text for ``char[]``, bytes for ``u8[]``, lists for other arrays."""
    if _is_text(expr):
        return made.name("str")
    if _is_bytes(expr):
        return made.name("bytes")
    if expr.dims:
        return f"{made.name('list')}[{spell(expr.element, made)}]"
    if expr.base in made.names:
        return made.names[expr.base]
    if expr.base in made.types and not isinstance(made.types[expr.base], EnumDecl):
        return _record(made)
    return made.name(_BUILTINS.get(expr.base, _INTEGER)[0])


def _record(made: Module) -> str:
    made.imported.add(RECORD)
    return RECORD


def _wrapped(line: str) -> str:
    """Break a line that is too long after its first parenthesis and before its last, as ruff does."""
    if len(line) <= WIDTH or not line.endswith(")"):
        return line
    head, _, rest = line.partition("(")
    return f"{head}(\n        {rest.removesuffix(')')}\n    )"


def _is_text(expr: TypeExpr) -> bool:
    return expr.base == "char" and len(expr.dims) == 1


def _is_bytes(expr: TypeExpr) -> bool:
    return expr.base == "u8" and len(expr.dims) == 1


def _default(expr: TypeExpr, made: Module) -> str:
    """The default of a field: what the kernel would show for zeros."""
    plain = _plain_default(expr, made)
    if plain is not None:
        return plain
    made.standard.add("dataclasses" if "field" in made.shadowed else "field")
    factory = (
        made.names[expr.base] if not expr.dims and expr.base in made.names else f"lambda: {_zero(expr, made)}"
    )
    return f"{made.name('field', 'dataclasses')}(default_factory={factory})"


def _plain_default(expr: TypeExpr, made: Module) -> str | None:
    """A default that may be shared between instances, None if there is none."""
    if _is_text(expr):
        return '""'
    if _is_bytes(expr):
        return f"{made.name('bytes')}({expr.dims[0]})"
    if expr.dims:
        return None
    declared = made.types.get(expr.base)
    if declared is None:
        return _BUILTINS.get(expr.base, _INTEGER)[1]
    return _constant(expr.base, declared, made) if isinstance(declared, EnumDecl) else None


def _constant(name: str, declared: EnumDecl, made: Module) -> str:
    """The constant of an enum for 0, or the first where none is 0."""
    zero = next((each for each, value in declared.values.items() if value == 0), next(iter(declared.values)))
    return f"{made.names[name]}.{zero}" if name in made.names else "0"


def _zero(expr: TypeExpr, made: Module) -> str:
    plain = _plain_default(expr, made)
    if plain is not None:
        return plain
    if not expr.dims:
        return (
            f"{made.names[expr.base]}()"
            if expr.base in made.names
            else f'{_record(made)}("{expr.base}", {{}})'
        )
    one = _zero(expr.element, made)
    shared = _plain_default(expr.element, made) is not None
    return f"[{one}] * {expr.dims[0]}" if shared else f"[{one} for _ in range({expr.dims[0]})]"
