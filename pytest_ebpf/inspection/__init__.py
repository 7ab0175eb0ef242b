"""Object files as people look at them: sections, references, disassembly, control flow, differences."""

from __future__ import annotations

from pytest_ebpf.inspection.opened import Inspection

__all__ = ["Inspection"]
