"""Single values of the manifest: each function returns the value as the model holds it.

All raise :class:`DefectError` for a value that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Final

from pytest_ebpf import hooks
from pytest_ebpf.manifest import typeexpr
from pytest_ebpf.manifest.defect import DefectError
from pytest_ebpf.manifest.typeexpr import TypeExpr
from pytest_ebpf.suggest import closest, suggestion

#: Part of a C identifier, and of a Python one.
IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

#: A line ("6.1"), a release or package version ("6.1.192-2"), the newest line, or the path of an image.
KERNEL: Final = re.compile(r"latest|[0-9]+\.[0-9]+[0-9A-Za-z.+~-]*|.*/.*")

#: Kernels between bounds, each to the precision it is written in: ">=6.4", ">=5.15,<6.12".
_BOUND: Final = r"\s*(>=|<=|==|!=|>|<)\s*[0-9]+\.[0-9]+(\.[0-9]+)?\s*"
KERNEL_RANGE: Final = re.compile(rf"{_BOUND}(,{_BOUND})*")

PROJECT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

PYTHON_MODULE: Final = re.compile(r"(.*/)?[A-Za-z_][A-Za-z0-9_]*\.py")

#: The longest name that BTF takes: ``KSYM_NAME_LEN`` of kernels before 6.1 less the final zero.
MAX_NAME: Final = 127

#: Where the guest has its file system for pinned maps and programs.
BPF_FS: Final = "/sys/fs/bpf/"

#: The path of something pinned there.
PIN: Final = re.compile(re.escape(BPF_FS) + r"[^/]+(/[^/]+)*")

_C_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        "auto break case char const continue default do double else enum extern float for goto if inline "
        "int long register restrict return short signed sizeof static struct switch typedef typeof union "
        "unsigned void volatile while asm bool true false NULL "
        "_Alignas _Alignof _Atomic _BitInt _Bool _Complex _Decimal32 _Decimal64 _Decimal128 _ExtInt _Float16 "
        "_Generic _Imaginary _Nonnull _Noreturn _Null_unspecified _Nullable _Nullable_result _Pragma "
        "_Static_assert _Thread_local",
    )
)


def identifier(name: str) -> str:
    """A name that C takes: of a type, field, map, global or program."""
    if not IDENTIFIER.fullmatch(name):
        raise DefectError(f'not a C identifier (seen "{name}")', hint="use letters, digits and underscores")
    if name in _C_WORDS:
        raise DefectError(f'a reserved word of C (seen "{name}")', hint="choose another name")
    if name.startswith("__"):
        raise DefectError(
            f'names that begin with "__" are the compiler\'s (seen "{name}")', hint="choose another"
        )
    if len(name) > MAX_NAME:
        raise DefectError(f"longer than the {MAX_NAME} characters that BTF takes ({len(name)})")
    return name


def type_name(name: str) -> str:
    """The name of a declared type: an identifier that no built-in type has."""
    if name in typeexpr.BUILTINS:
        raise DefectError(f'a built-in type has this name (seen "{name}")', hint="choose another name")
    return identifier(name)


def type_expression(value: object) -> TypeExpr:
    """A type expression; whether its base exists is checked later."""
    if isinstance(value, TypeExpr):
        return value
    if not isinstance(value, str):
        raise DefectError(f"must be a string ({shown(value)})", hint='name a type, as in "u32" or "char[16]"')
    return typeexpr.parse(value)


def project_name(name: str) -> str:
    """The name of a project: part of the names of files."""
    if not PROJECT_NAME.fullmatch(name):
        raise DefectError(f'not a name (seen "{name}")', hint='use letters, digits, ".", "_" and "-"')
    return name


def python_module(path: str) -> str:
    """The path of a Python file that can be imported."""
    if not PYTHON_MODULE.fullmatch(path):
        hint = 'name it as in "tests/programs.py"'
        raise DefectError(f'not the path of a Python module (seen "{path}")', hint=hint)
    return path


def kernel(spec: str) -> str:
    """A kernel the project promises."""
    if not KERNEL.fullmatch(spec):
        hint = 'write a line ("6.1"), a release ("6.1.192"), "latest" or the path of an image ("./bzImage")'
        raise DefectError(f'not a kernel (seen "{spec}")', hint=hint)
    return spec


def kernel_range(text: str) -> str:
    """The part of the kernels that an object or a program is for."""
    if not KERNEL_RANGE.fullmatch(text):
        raise DefectError(f'not a range of kernels (seen "{text}")', hint='write it like ">=6.4"')
    return text


def hook(section: str) -> str:
    """A hook, in libbpf's grammar of sections."""
    if hooks.parse(section):
        return section
    known = {kind.prefix: kind for kind in hooks.KINDS}
    prefix, slash, target = section.removeprefix("?").partition("/")
    kind = known.get(prefix)
    near = closest(section, known) or closest(prefix, known)
    if kind and (kind.target or "/" not in (near or "")):
        what = "needs a target after the slash" if kind.target else "takes no target"
        hint = f'as in "{prefix}/NAME"' if kind.target else f'write "{prefix}"'
        raise DefectError(f'{what} (seen "{section}")', hint=hint)
    with_target = near and slash and known[near].target and "/" not in near
    meant = f"{near}/{target}" if with_target else near
    hint = (
        f'did you mean "{meant}"?' if meant else 'write a section that libbpf knows, as "xdp" or "tc/ingress"'
    )
    raise DefectError(f'unknown hook (seen "{section}")', hint=hint)


def enumerators(value: object) -> object:
    """The constants of an enum: a list of names counts from 0, a table gives the numbers."""
    if not isinstance(value, list):
        return value
    names: dict[str, int] = {}
    for number, name in enumerate(value):
        if not isinstance(name, str):
            raise DefectError(f"constants are named by strings ({shown(name)})")
        if name in names:
            raise DefectError(f'two constants have the same name (seen "{name}")', hint="remove one")
        names[name] = number
    return names


def initial(value: object) -> object:
    """What a global starts with: a number, a boolean, a string, or an array of such, as tuples."""
    if isinstance(value, list | tuple):
        return tuple(initial(element) for element in value)
    if not isinstance(value, bool | int | str):
        raise DefectError(f"must be a number, a boolean, a string or an array of them ({shown(value)})")
    return value


def value(given: object) -> object:
    """A key or a value of a map: what a global may start with, and tables of such for structs."""
    if isinstance(given, dict):
        return {name: value(member) for name, member in given.items()}
    if isinstance(given, list | tuple):
        return tuple(value(element) for element in given)
    if not isinstance(given, bool | int | str):
        raise DefectError(f"must be a number, a boolean, a string, an array or a table ({shown(given)})")
    return given


def entries(given: object) -> object:
    """Programs of a prog_array: an array of names, from key 0 on, or a table of names by key."""
    names: Iterable[object] = [None]
    if isinstance(given, dict | list | tuple):
        names = given.values() if isinstance(given, dict) else given
    if not all(isinstance(name, str) for name in names):
        hint = 'write entries = ["parse", "filter"], or { 0 = "parse" }'
        raise DefectError(f"must be an array or a table of programs ({shown(given)})", hint=hint)
    return tuple(names) if not isinstance(given, dict) else given


def pin(given: object) -> object:
    """Whether something is pinned, under its own name, or the path as which it is."""
    if isinstance(given, bool):
        return given
    if not isinstance(given, str):
        raise DefectError(f"must be true, false or a path ({shown(given)})")
    if not PIN.fullmatch(given):
        raise DefectError(f'not a path below {BPF_FS} (seen "{given}")', hint=f'as in "{BPF_FS}counts"')
    return given


def one_of(known: Collection[str], kind: str) -> Callable[[str], str]:
    """Return a check that takes only the names in *known*; *kind* says what they are."""

    def check(name: str) -> str:
        if name not in known:
            raise DefectError(f'unknown {kind} (seen "{name}")', hint=suggestion(name, known))
        return name

    return check


def shown(value: object) -> str:
    """A value as TOML spells it, in words where that would be long."""
    match value:
        case bool():
            return f"seen {str(value).lower()}"
        case str():
            return f'seen "{value}"' if len(value) <= 60 else f'seen "{value[:57]}..."'
        case dict():
            return "seen a table"
        case list() | tuple():
            return f"seen an array of {len(value)}"
        case _:
            return f"seen {value}"
