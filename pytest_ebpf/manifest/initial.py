"""Whether the value a global starts with fits its type."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pytest_ebpf.manifest.defect import DefectError
from pytest_ebpf.manifest.model import EnumDecl, TypeDecl
from pytest_ebpf.manifest.scalars import shown
from pytest_ebpf.manifest.typeexpr import BIG_ENDIAN, INTEGERS, Integer, TypeExpr
from pytest_ebpf.suggest import suggestion

_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")


def check_initial(types: Mapping[str, TypeDecl], expr: TypeExpr, value: Any) -> None:
    """Do nothing if *value* can be what a global of the known type *expr* holds, else :class:`DefectError`.

    Numbers of big-endian types are given as numbers, addresses as text, enums by name, ``char[N]`` as text
    that leaves room for the final zero.
    """
    if expr.base == "char" and len(expr.dims) == 1 and isinstance(value, str):
        _check_text(expr, value)
    elif expr.dims:
        if not isinstance(value, tuple) or len(value) != expr.dims[0]:
            raise DefectError(f"must be an array of {expr.dims[0]} for {expr} ({shown(value)})")
        for element in value:
            check_initial(types, expr.element, element)
    elif integer := INTEGERS.get(expr.base) or BIG_ENDIAN.get(expr.base):
        _check_integer(expr.base, integer, value)
    elif check := _CHECKS.get(expr.base):
        if not check(value):
            raise DefectError(f"not {_EXAMPLES[expr.base]} ({shown(value)})")
    else:
        _check_declared(types[expr.base], expr, value)


def _check_text(expr: TypeExpr, value: str) -> None:
    size = len(value.encode())
    if size >= expr.dims[0]:
        raise DefectError(
            f"does not fit {expr} with its final zero ({size} bytes)", hint=f"use char[{size + 1}] or more"
        )


def _check_integer(name: str, integer: Integer, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise DefectError(f"must be a whole number for {name} ({shown(value)})")
    if not integer.minimum <= value <= integer.maximum:
        raise DefectError(
            f"does not fit {name} (seen {value})", hint=f"{name} holds {integer.minimum} to {integer.maximum}"
        )


def _check_declared(decl: TypeDecl, expr: TypeExpr, value: Any) -> None:
    if not isinstance(decl, EnumDecl):
        raise DefectError(
            f'a global of a struct or union has no value here (seen type "{expr}")',
            hint="declare one global for each field",
        )
    if isinstance(value, str) and value not in decl.values:
        raise DefectError(f"not a constant of {expr} ({shown(value)})", hint=suggestion(value, decl.values))
    if isinstance(value, bool) or (not isinstance(value, str) and value not in decl.values.values()):
        raise DefectError(f"not a constant of {expr} ({shown(value)})", hint="give its name")


def _parses(parse: Callable[[str], object]) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        try:
            parse(value)
        except ValueError:
            return False
        return isinstance(value, str)

    return check


def _is_char(value: Any) -> bool:
    if isinstance(value, str):
        return len(value.encode()) == 1
    return isinstance(value, int) and not isinstance(value, bool) and -128 <= value <= 127


_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "bool": lambda value: isinstance(value, bool),
    "char": _is_char,
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "ipv4_prefix": _parses(ipaddress.IPv4Network),
    "ipv6_prefix": _parses(ipaddress.IPv6Network),
    "mac": lambda value: isinstance(value, str) and _MAC.fullmatch(value) is not None,
}

_EXAMPLES: Final[Mapping[str, str]] = {
    "bool": "true or false",
    "char": "one character",
    "ipv4": 'an IPv4 address such as "192.0.2.1"',
    "ipv6": 'an IPv6 address such as "2001:db8::1"',
    "ipv4_prefix": 'an IPv4 prefix such as "192.0.2.0/24"',
    "ipv6_prefix": 'an IPv6 prefix such as "2001:db8::/32"',
    "mac": 'a MAC address such as "02:00:00:00:00:01"',
}
