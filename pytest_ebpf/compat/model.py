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

    *required*: whether loading the object loads it. *alternative*: the name of a group of programs of which
    one that works is enough. *promised* is False where the program is declared for other kernels.
    """

    object: str
    program: str
    kernel: str
    required: bool
    status: Status
    lacks: tuple[Lack, ...]
    alternative: str | None = None
    promised: bool = True

    @property
    def counts(self) -> bool:
        """Whether it matters for what the object does there."""
        return self.required and self.promised

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
        """Those that are known not to work, of programs that are promised and loaded with their object.

        Alternatives are among them where none of their group can work.
        """
        counting = [each for each in self.verdicts if each.counts]
        met = {_group(each) for each in counting if each.status is not Status.CANNOT}
        refused = (each for each in counting if each.status is Status.CANNOT)
        return [each for each in refused if each.alternative is None or _group(each) not in met]

    def works_on(self, name: str) -> list[str]:
        """The kernels on which all of object *name* works that is promised there, and something is."""
        own = [each for each in self.verdicts if each.object == name and each.counts]
        met = {_group(each) for each in own if each.status is Status.WORKS}
        refused = {
            each.kernel
            for each in own
            if each.status is not Status.WORKS and (each.alternative is None or _group(each) not in met)
        }
        return [kernel for kernel in self.kernels if kernel in {each.kernel for each in own} - refused]

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """Objects with programs, each once, in their order."""
        return tuple(dict.fromkeys((each.object, each.program) for each in self.verdicts))

    def of(self, row: tuple[str, str]) -> dict[str, Verdict]:
        """The verdicts on one program by kernel."""
        return {each.kernel: each for each in self.verdicts if (each.object, each.program) == row}


def _group(verdict: Verdict) -> tuple[str, str | None, str]:
    """What one program that works is enough for: its object, the name of its group, the kernel."""
    return verdict.object, verdict.alternative, verdict.kernel
