"""Waiting for descriptors without going to sleep at once."""

from __future__ import annotations

import os
import select
import time
from typing import Final

#: Seconds for which we look again and again before we sleep. A guest answers many calls and frames within
#: 200 us, and a processor that has gone to sleep in a virtual machine (where CI runs) takes some 80 us to
#: wake: with this, twice as many round trips a second were measured over a wire.
_AWAKE: Final = 300e-6


def ready(poll: select.poll, seconds: float) -> dict[int, int]:
    """Return what *poll* gives within *seconds*, by descriptor; nothing when time is over.

    Others that want the processor go first.
    """
    start = time.monotonic()
    end = start + min(seconds, _AWAKE)
    found = poll.poll(0)
    while not found and time.monotonic() < end:
        os.sched_yield()
        found = poll.poll(0)
    if not found and seconds > _AWAKE:
        found = poll.poll(max(0.0, start + seconds - time.monotonic()) * 1000)  # below 0 is for ever
    return dict(found)
