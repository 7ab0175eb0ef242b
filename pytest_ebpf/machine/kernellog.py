"""What the kernel says of itself while it goes on: warnings and worse in its log."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

#: How the kernel begins to say that something is wrong (lib/bug.c and kernel/panic.c for WARNING and BUG,
#: kernel/rcu/tree_stall.h, kernel/watchdog.c, kernel/hung_task.c, mm/oom_kill.c, mm/kasan/report.c).
_SPLAT: Final = re.compile(
    r"WARNING: (?:CPU: |.* at )|BUG: |kernel BUG at |Oops: |"
    r"rcu: INFO: \S+ (?:self-)?detected|watchdog: |INFO: task .* blocked for more than|"
    r"Out of memory: Killed process|Memory cgroup out of memory: Killed process|general protection fault"
)


def messages(log: str) -> list[str]:
    """Return the messages of a log as ``/dev/kmsg`` gives it, continuation lines (``KEY=value``) left out.

    Each record is ``prio,seq,usec,flag;text`` (``Documentation/ABI/testing/dev-kmsg``).
    """
    return [line.partition(";")[2] for line in log.splitlines() if not line.startswith(" ") and ";" in line]


def splat(lines: Iterable[str], allowed: Iterable[re.Pattern[str]] = ()) -> str | None:
    """Return the first of *lines* in which the kernel complains, unless one of *allowed* matches it."""
    patterns = tuple(allowed)
    for line in lines:
        if _SPLAT.search(line) and not any(pattern.search(line) for pattern in patterns):
            return line
    return None
