"""An object on its way to a kernel."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_ebpf.bpf import LoadOptions
from pytest_ebpf.objects import ObjectFacts


@dataclass(frozen=True)
class Prepared:
    """An object ready to be loaded: its *name* for people, its bytes, and what is in it."""

    name: str
    elf: bytes
    facts: ObjectFacts
    options: LoadOptions = field(default_factory=LoadOptions)
