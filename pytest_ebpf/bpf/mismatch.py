"""What differs between values that a test read from maps and events, and what it expected, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from pytest_ebpf.bpf.maps import ArrayMap, KeyedMap
from pytest_ebpf.values.record import Record, as_mapping

#: Elements of a collection that are looked at to tell whether it holds anything of a program.
_LOOKED_AT: Final = 16


@dataclass(frozen=True)
class Mismatch:
    """The place *path* in a value, as Python text behind its name; None for what is not there."""

    path: str
    expected: str | None
    got: str | None

    def __str__(self) -> str:
        place = self.path.removeprefix(".") or "value"
        if self.got is None:
            return f"{place}: missing, expected {self.expected}"
        return f"{place}: {self.got}, " + (
            "not expected" if self.expected is None else f"expected {self.expected}"
        )


def is_of_program(value: object) -> bool:
    """Whether *value* is a map, a struct of a program, or a collection that holds structs."""
    if isinstance(value, Record | KeyedMap | ArrayMap) or hasattr(type(value), "__btf_name__"):
        return True
    inner = value.values() if isinstance(value, Mapping) else value
    return _is_collection(value) and any(map(is_of_program, islice(inner, _LOOKED_AT)))  # type: ignore[call-overload]


def mismatches(got: Any, expected: Any, path: str = "") -> Iterator[Mismatch]:
    """The differences between two values, the deepest that can be named; maps are read."""
    got, expected = _read(got), _read(expected)
    mine, theirs = as_mapping(got), as_mapping(expected)
    if mine is not None and theirs is not None:
        named = not isinstance(got, Mapping) or not isinstance(expected, Mapping)
        yield from _in_mappings(mine, theirs, path, named=named)
    elif _is_list(got) and _is_list(expected):
        indexed = dict(enumerate(got)), dict(enumerate(expected))
        yield from _in_mappings(*indexed, path, named=False)
    elif got != expected:
        yield Mismatch(path, repr(expected), repr(got))


def _in_mappings(
    mine: Mapping[Any, Any], theirs: Mapping[Any, Any], path: str, *, named: bool
) -> Iterator[Mismatch]:
    for key in dict.fromkeys((*theirs, *mine)):  # as a hash gives its keys is no order
        place = f"{path}.{key}" if named else f"{path}[{key!r}]"
        if key in mine and key in theirs:
            yield from mismatches(mine[key], theirs[key], place)
        elif key in mine:
            yield Mismatch(place, None, repr(mine[key]))
        else:
            yield Mismatch(place, repr(theirs[key]), None)


def _read(value: Any) -> Any:
    """The content of a map; other values as they are."""
    if isinstance(value, KeyedMap):
        return dict(value.items())
    return list(value) if isinstance(value, ArrayMap) else value


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_collection(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple)
