"""How the name of a row is read: what it is of, and its own part."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Name:
    """A row's name: the *group* it is under (a file, an object; "" if none) and the rest, *own*."""

    group: str
    own: str


def name_of(row: str) -> Name:
    """Split ``tests/test_a.py::test_b`` and ``a.bpf.o: program``; a bracketed parameter stays whole."""
    plain, bracket, parameter = " ".join(row.split()).partition("[")
    for separator in ("::", ": "):
        group, found, own = plain.rpartition(separator)
        if found:
            return Name(group, own + bracket + parameter)
    return Name("", plain + bracket + parameter)
