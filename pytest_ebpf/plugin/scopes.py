"""Which tests share a kernel."""

from __future__ import annotations

from typing import Final, Literal

import pytest

from pytest_ebpf.errors import UsageError
from pytest_ebpf.plugin import markers

MARKER: Final = "ebpf_isolation"

Isolation = Literal["test", "module", "session"]

CHOICES: Final[tuple[Isolation, ...]] = ("test", "module", "session")


def scope_of(item: pytest.Item, default: Isolation) -> str:
    """Name the scope of *item*: tests with the same one share a machine, one after the other.

    The nearest ``ebpf_isolation`` marker decides, else *default*. :class:`UsageError` for a wrong marker.
    """
    marker = item.get_closest_marker(MARKER)
    isolation = default
    if marker is not None:
        if len(marker.args) != 1 or marker.args[0] not in CHOICES or marker.kwargs:
            raise UsageError(f"takes one of {', '.join(CHOICES)}", where=markers.where(item, MARKER))
        isolation = marker.args[0]
    if isolation == "session":
        return "session"
    return str(item.path) if isolation == "module" else item.nodeid
