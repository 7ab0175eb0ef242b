"""Wait for a condition, with a deadline: never for a duration."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from pytest_ebpf.errors import ConditionError

T = TypeVar("T")

#: Seconds between two looks: the first few come quickly.
_FIRST: Final = 0.001
_LONGEST: Final = 0.05


def until(condition: Callable[[], T], timeout: float = 2.0, what: str | None = None) -> T:
    """Return what *condition* returns, once that is true; it is asked again and again.

    After *timeout* seconds a :class:`~pytest_ebpf.errors.ConditionError` says *what* was waited for, and what
    was seen last.
    """
    end = time.monotonic() + timeout
    pause = _FIRST
    while not (seen := condition()):
        left = end - time.monotonic()
        if left <= 0:
            raise ConditionError(
                f"did not come about within {timeout:g} s (last seen: {seen!r})",
                where=what or _name(condition),
                hint="give a longer timeout, or look at what should bring it about",
            )
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST)
    return seen


def _name(condition: Callable[[], object]) -> str:
    name = getattr(condition, "__name__", "")
    return name if name.isidentifier() else "the condition"
