"""How long a process was kept from running because the processors of the host were busy with others."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_NANOSECONDS: Final = 1e9

#: Nanoseconds by thread.
Waits = dict[str, int]


def waits(pid: int, proc: Path = _PROC) -> Waits:
    """Return how long each thread of *pid* was ready to run and had to wait, as of now.

    The second number of ``schedstat`` (``Documentation/scheduler/sched-stats.rst``). It is 0 on a host that
    does not count it; threads of which nothing can be read are left out.
    """
    found: Waits = {}
    with suppress(OSError):  # the process has ended
        for thread in (proc / str(pid) / "task").iterdir():
            with suppress(OSError, ValueError, IndexError):  # the thread has, or the host does not tell
                found[thread.name] = int((thread / "schedstat").read_text().split()[1])
    return found


def kept_waiting(before: Waits, after: Waits) -> float:
    """Return the seconds that the thread which had to wait most did so between two looks."""
    grown = (after[thread] - before[thread] for thread in before.keys() & after.keys())
    return max(grown, default=0) / _NANOSECONDS
