"""Files with holes: a guest's memory, of which most was never touched."""

from __future__ import annotations

import os
from collections.abc import Iterator


def extents(descriptor: int) -> Iterator[tuple[int, int]]:
    """Give where the data of a file begins and ends, from one hole to the next (``lseek(2)``, SEEK_DATA)."""
    end = os.fstat(descriptor).st_size
    at = 0
    while at < end:
        try:
            start = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole up to the end
            return
        at = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, at
