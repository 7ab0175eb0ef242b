"""What a guest sees of the host's processor."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_CPUINFO: Final = Path("/proc/cpuinfo")

#: Lines of what a guest may have seen, however fast it counts.
_SEEN: Final = ("vendor_id", "model name", "flags", "microcode")


def seen() -> list[str]:
    """Return what of the host's first processor a snapshot depends on: its model, its flags and its speed.

    The last digits of the speed differ from one boot of the host to the next.
    """
    return [*(f"{name}: {text}" for name, text in _first().items() if name in _SEEN), f"{tsc_khz():.3g}"]


def tsc_khz() -> int:
    """Return how fast the time stamp counter counts, in kHz; 0 if the host does not tell.

    It is half of what Linux tells as bogomips, whose loops of a jiffy are taken from it (``tsc_init`` in
    arch/x86/kernel/tsc.c).
    """
    try:
        return round(float(_first()["bogomips"]) * 500)
    except (KeyError, ValueError):
        return 0


def _first() -> dict[str, str]:
    lines = _CPUINFO.read_text().partition("\n\n")[0].splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): text.strip() for name, _, text in pairs}
