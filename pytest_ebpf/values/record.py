"""A decoded struct for which there is no class of the user's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pytest_ebpf.suggest import suggestion


class Record:
    """The fields of a C struct or union, by name: ``record.hits`` or ``record["hits"]``.

    Cannot be changed; ``record._replace(hits=0)`` gives a changed copy. Equal to another record, to a
    dataclass or to a mapping that has the same fields with the same values. A field called ``_replace``,
    ``_asdict``, ``_name`` or ``_values`` is reached by item only.
    """

    __slots__ = ("_name", "_values")

    _name: str
    _values: dict[str, Any]

    def __init__(self, name: str, values: dict[str, Any]) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_values", values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(_missing(self, name)) from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"{self._name}.{name} cannot be set; write record._replace({name}=...), and store that"
        )

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __dir__(self) -> list[str]:
        return [*self._values, "_asdict", "_replace"]

    def __eq__(self, other: object) -> bool:
        theirs = as_mapping(other)
        return NotImplemented if theirs is None else self._values == dict(theirs)

    def __hash__(self) -> int:
        return hash_fields(self)

    def __reduce__(self) -> tuple[type[Record], tuple[str, dict[str, Any]]]:
        """How it is copied and pickled: attributes cannot be set."""
        return Record, (self._name, self._values)

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={value!r}" for name, value in self._values.items())
        return f"{self._name}({inner})"

    def _asdict(self) -> dict[str, Any]:
        return dict(self._values)

    def _replace(self, **changes: Any) -> Record:
        for name in changes:
            if name not in self._values:
                raise AttributeError(_missing(self, name))
        return Record(self._name, {**self._values, **changes})


def type_name(record: Record) -> str:
    """The C name of a record's type; not an attribute, where it could hide a field."""
    return record._name  # noqa: SLF001  # of this module


def _missing(record: Record, name: str) -> str:
    hint = suggestion(name, record)
    text = f'{type_name(record)} has no field "{name}"'
    return f"{text}; {hint}" if hint else text


def as_mapping(value: object) -> Mapping[str, Any] | None:
    """The fields of a record, a dataclass instance or a mapping; None for anything else."""
    if isinstance(value, Record):
        return value._asdict()
    if isinstance(value, Mapping):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return None


def equal_fields(value: object, other: object) -> bool:
    """Whether a struct of the bindings equals *other*: one of its class, a record or a mapping."""
    if type(other) is not type(value) and not isinstance(other, (Record, Mapping)):
        return NotImplemented  # type: ignore[no-any-return]  # it is the __eq__ of classes
    return (as_mapping(value) or {}) == dict(as_mapping(other) or {})


def hash_fields(value: object) -> int:
    """The hash of a record or dataclass, whose arrays are lists: keys of maps are keys of dicts, too.

    It is that of a frozen dataclass with the same fields.
    """
    return hash(tuple(map(_hashable, (as_mapping(value) or {}).values())))


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list) else value
