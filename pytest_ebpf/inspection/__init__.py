"""Object files as people look at them: sections, references, disassembly, control flow, differences."""

from __future__ import annotations

from pytest_ebpf.inspection.opened import Inspection, located

__all__ = ["Inspection", "located"]
