"""What one look at the host found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

#: ``fail``: eBPF programs cannot be built or tested here. ``note``: they can, with less than there might be.
State = Literal["ok", "note", "fail"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: *what* was found, and the command that *mends* it, empty if none does."""

    name: str
    state: State
    what: str
    mend: str = ""


def healthy(findings: Iterable[Finding]) -> bool:
    """Whether the main job, building programs and testing them on kernels, can be done."""
    return all(finding.state != "fail" for finding in findings)


def size(number: float) -> str:
    """Spell a *number* of bytes."""
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"
