"""What is said of programs on kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pytest_ebpf.requirements import SourceLine, Stage


class Status(StrEnum):
    """What a program does on a kernel, as far as that can be told without booting it.

    It *works* if everything that it asks for is there, and nothing is known against it that only the
    verifier decides; whether the verifier takes it, only the kernel can say.
    """

    WORKS = "works"
    CANNOT = "cannot work"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that a program asks for and that a kernel does not have.

    *certain*: or, if not, may not have. *what* needs no more than the kernel's name before it: ``no helper
    bpf_loop``. *instead* is what can be done about it. *stage* is when the want shows.
    """

    certain: bool
    what: str
    instead: str | None = None
    source: SourceLine | None = None
    stage: Stage = Stage.LOAD

    def __str__(self) -> str:
        text = f"{self.what}, at {self.source}" if self.source else self.what
        if self.source and self.source.text.strip():
            text += f": {self.source.text.strip()}"
        return f"{text.removesuffix(';')}; {self.instead}" if self.instead else text


@dataclass(frozen=True, slots=True)
class Verdict:
    """What *program* of *object* does on *kernel*; the first of *lacks* decides.

    *required*: whether loading the object loads it.
    """

    object: str
    program: str
    kernel: str
    required: bool
    status: Status
    lacks: tuple[Lack, ...]

    @property
    def reason(self) -> Lack | None:
        """What decides; None for a program that works."""
        return self.lacks[0] if self.lacks else None


@dataclass(frozen=True)
class Report:
    """Verdicts on the programs of some objects, and the *kernels* (columns) in their order."""

    kernels: tuple[str, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        """Whether no program that is loaded with its object is known not to work on any of the kernels."""
        return not self.broken

    @property
    def broken(self) -> Sequence[Verdict]:
        """Those that are known not to work, of programs that are loaded with their object."""
        return [each for each in self.verdicts if each.required and each.status is Status.CANNOT]

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """Objects with programs, each once, in their order."""
        return tuple(dict.fromkeys((each.object, each.program) for each in self.verdicts))

    def of(self, row: tuple[str, str]) -> dict[str, Verdict]:
        """The verdicts on one program by kernel."""
        return {each.kernel: each for each in self.verdicts if (each.object, each.program) == row}
