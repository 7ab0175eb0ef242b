"""How many machines may run at once: computed from what the host has, shared between workers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: MiB that the emulator takes beside the guest's memory (measured: 30, with translated code 40).
_OVERHEAD: Final = 64

#: The part of the available memory that machines may take, were all of theirs in use.
_SHARE: Final = 0.5

#: The part of it that machines kept with an object loaded may take, 110 MB each.
_TEMPLATES: Final = 0.2


def machines_at_once(memory: int, workers: int, *, available: int | None = None) -> int:
    """Return how many machines of *memory* MiB one of *workers* processes may run: at least one.

    *available* is the host's memory in MiB; by default what ``/proc/meminfo`` says is available.
    """
    left = available_memory() if available is None else available
    return max(1, int(left * _SHARE) // (memory + _OVERHEAD) // workers)


def room_for_templates(workers: int, *, available: int | None = None) -> int:
    """Return the bytes that one of *workers* processes may keep in templates; machines come first."""
    left = available_memory() if available is None else available
    return (int(left * _TEMPLATES) << 20) // workers


def available_memory(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Return the MiB that can be had without swapping, ``MemAvailable`` of *meminfo*; 0 if it has none."""
    for line in meminfo.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0
