"""Programs that kernels refuse, tests/vm/data/mistakes, with what is wrong with each."""

from __future__ import annotations

from typing import Final

from mistake import OBJECTS, SOURCES, Mistake, compiled
from mistakes_control import CONTROL
from mistakes_habits import HABITS
from mistakes_memory import MEMORY

__all__ = ["MISTAKES", "OBJECTS", "SOURCES", "Mistake", "compiled"]

MISTAKES: Final = (*MEMORY, *CONTROL, *HABITS)
