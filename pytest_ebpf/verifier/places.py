"""Where a program's instructions and functions are in its source."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_ebpf.verifier.model import Cause, Place
from pytest_ebpf.verifier.sources import Sources
from pytest_ebpf.verifier.steps import Path, Step


@dataclass(frozen=True)
class Places:
    """Places as the object has them, else as the log quotes them on the *path*."""

    path: Path
    sources: Sources | None

    def of(self, step: Step | None) -> Place | None:
        """The line of *step*."""
        if step is None:
            return None
        if self.sources and (place := self.sources.place(step.index)):
            return place
        if step.quote is None:
            return None
        text, at = step.quote
        file, _, line = (at or "").rpartition(":")
        return Place(file, int(line) if line else 0, text)

    def of_instruction(self, index: int) -> Place | None:
        """The line of the instruction at *index*."""
        if self.sources and (place := self.sources.place(index)):
            return place
        return self.of(next((step for step in reversed(self.path.steps) if step.index == index), None))

    def of_function(self, name: str | None) -> Place | None:
        """The first line of the function called *name*; of the program, if it is its hook's."""
        if name is None or self.sources is None:
            return None
        first = next((each.first for each in self.sources.functions if each.name == name), 0)
        return self.sources.place(first)

    def called(self, call: Step) -> str:
        """The name of what is called at *call*."""
        target = call.local_target
        place = self.sources.place(target) if self.sources and target is not None else None
        return call.helper or (place.function if place else "") or "a function of the program"

    def around(self, place: Place | None) -> tuple[tuple[int, str | None], ...]:
        """The numbered lines around *place*, if they are known."""
        return self.sources.neighbours(place) if self.sources and place and place.file else ()

    @property
    def innermost(self) -> str | None:
        """The name of the function that comes last: the others lead to it."""
        return self.sources.functions[-1].name if self.sources else None

    @property
    def frames(self) -> list[Cause]:
        """The functions with the stack that each uses, the largest first."""
        if self.sources is None:
            return []
        by_stack = sorted(self.sources.functions, key=lambda function: -function.stack)
        return [
            Cause(f"{each.name} uses {each.stack} bytes", self.sources.place(each.first)) for each in by_stack
        ]
