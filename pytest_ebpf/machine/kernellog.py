"""What the kernel says of itself while it goes on: warnings and worse in its log."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

#: How the kernel begins to say that something is wrong (lib/bug.c and kernel/panic.c for WARNING and BUG,
#: kernel/rcu/tree_stall.h, kernel/watchdog.c, kernel/hung_task.c, mm/oom_kill.c, mm/kasan/report.c).
#: A warning gives its CPU first, from Linux 7.0 on its place.
_SPLAT: Final = re.compile(
    r"WARNING: (?:CPU: |(?:.* )?at )|BUG: |kernel BUG at |Oops: |"
    r"rcu: INFO: \S+ (?:self-)?detected|watchdog: (?:BUG: |.*hard LOCKUP)|"
    r"INFO: task .* blocked for more than|"
    r"Out of memory: Killed process|Memory cgroup out of memory: Killed process|general protection fault"
)

#: A record: ``prio,seq,usec,flag[,...];text`` (``Documentation/ABI/testing/dev-kmsg``). Above the three bits
#: of its level, *prio* has the facility: 0 is the kernel, else a program wrote it to ``/dev/kmsg``.
_RECORD: Final = re.compile(r"(\d{1,9}),\d+,\d+,[^;]*;(.*)")


def messages(log: str) -> list[str]:
    """Return the kernel's own messages of a log as ``/dev/kmsg`` gives it.

    Continuation lines (``KEY=value``) and what programs wrote to it are left out.
    """
    records = map(_RECORD.fullmatch, log.split("\n"))
    return [record[2] for record in records if record and int(record[1]) < 8]


def splat(lines: Iterable[str], allowed: Iterable[re.Pattern[str]] = ()) -> str | None:
    """Return the first of *lines* in which the kernel complains, unless one of *allowed* matches it."""
    patterns = tuple(allowed)
    for line in lines:
        if _SPLAT.search(line) and not any(pattern.search(line) for pattern in patterns):
            return line
    return None
