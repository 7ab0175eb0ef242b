"""BPF objects: what a file says about itself, and whether that is what was declared."""

from __future__ import annotations

from pytest_ebpf.objects.facts import located, parse_object, read_bytes, read_object, require_programs
from pytest_ebpf.objects.model import CoreRelocation, GlobalFacts, MapFacts, ObjectFacts, ProgramFacts

__all__ = [
    "CoreRelocation",
    "GlobalFacts",
    "MapFacts",
    "ObjectFacts",
    "ProgramFacts",
    "located",
    "parse_object",
    "read_bytes",
    "read_object",
    "require_programs",
]
