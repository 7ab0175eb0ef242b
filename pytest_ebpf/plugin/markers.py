"""Where a test is written, for what is said of its markers."""

from __future__ import annotations

import pytest


def line_of(item: pytest.Item) -> int:
    """Return the line, from 1, on which *item* begins in its file."""
    return (item.location[1] or 0) + 1


def where(item: pytest.Item, marker: str) -> str:
    """Place what is wrong with a *marker* of *item*: ``tests/test_a.py:7: @pytest.mark.ebpf_kernel``."""
    return f"{item.location[0]}:{line_of(item)}: @pytest.mark.{marker}"
