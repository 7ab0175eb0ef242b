"""Types of an object by name, as tests name them: in C, or by a class that stands for one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytest_ebpf.errors import UsageError, ValueConversionError
from pytest_ebpf.values.by_btf import Values
from pytest_ebpf.values.codec import Codec


def named_type(values: Values | None, name: str | type, where: str) -> Codec:
    """The codec of a type named as in C, or by a class that stands for it."""
    return _by_name(values, name, where, Values.named)


def record_type(values: Values | None, name: str | type, where: str, *, short: bool = False) -> Codec:
    """The codec of records of such a type, see :meth:`Values.record`."""
    return _by_name(values, name, where, partial(Values.record, short=short))


def _by_name(
    values: Values | None, name: str | type, where: str, find: Callable[[Values, str], Codec]
) -> Codec:
    label = type_label(name)
    if values is None:
        raise ValueConversionError(
            f'no type "{label}": the object has no BTF', where=where, hint="compile with -g"
        )
    try:
        return find(values, label)
    except ValueConversionError as error:
        raise ValueConversionError(error.what, where=where, hint=error.hint) from error


def type_label(name: str | type) -> str:
    """What a type is called in C; :class:`~pytest_ebpf.errors.UsageError` for what is no type."""
    if isinstance(name, str):
        return name
    if not isinstance(name, type):
        raise UsageError(f"{name!r} is no type", hint="name one as in C, or give a class of the bindings")
    return getattr(name, "__btf_name__", name.__name__)
