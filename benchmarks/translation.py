"""How much of a guest's code the emulator has translated: what most of a first time goes into.

A figure that hardly depends on how busy the host is.
"""

from __future__ import annotations

import re
import time
from typing import Final

from benchmarks.machines import TIMEOUT
from pytest_ebpf.machine import Machine

_BLOCKS: Final = re.compile(r"TB count +(\d+)")


def translated(machine: Machine) -> int:
    """Return the basic blocks of code that there are translations of (QEMU's ``info jit``)."""
    told = machine.monitor.ask("x-query-jit", time.monotonic() + TIMEOUT)
    found = _BLOCKS.search(told["human-readable-text"])
    assert found, told
    return int(found[1])
