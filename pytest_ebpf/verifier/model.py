"""Why a kernel refused a program, as frozen facts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pytest_ebpf.verifier.states import RegisterState


class Kind(StrEnum):
    """The mistakes that verifiers find, as they are called in reports."""

    PACKET = "packet access without a check"
    BOUNDS = "access out of bounds"
    UNBOUNDED = "unbounded access"
    LENGTH = "unbounded length"
    BUFFER = "buffer too small"
    NULL = "missing null check"
    NO_POINTER = "number used as a pointer"
    STALE = "pointer used after it became invalid"
    STACK_ACCESS = "access outside the stack"
    UNINITIALISED = "uninitialised read"
    CONTEXT = "bad context access"
    READ_ONLY = "write to read-only memory"
    ARGUMENT = "wrong argument"
    HELPER = "helper not allowed"
    MISSING = "not in this kernel"
    LICENCE = "licence not compatible"
    SLEEP = "sleeps where it must not"
    RETURN = "wrong return value"
    REFERENCE = "unreleased reference"
    LOCK = "lock held"
    FIELD = "field that is for helpers alone"
    UNREACHABLE = "unreachable instruction"
    LOOP = "endless loop"
    JUMP = "jump out of the program"
    COMPLEX = "too complex"
    STACK_DEPTH = "stack too deep"
    CALLS = "calls too deep"
    POINTER = "forbidden pointer arithmetic"
    LEAK = "pointer leaked"
    DYNPTR = "dynptr or iterator misused"
    STRUCT = "access outside a structure"
    ALIGNMENT = "misaligned access"
    BTF = "type information refused"
    OTHER = "refused"


@dataclass(frozen=True)
class Place:
    """A source line; *line* is 0 and *file* empty where only its text is known. *function* holds it."""

    file: str
    line: int
    text: str
    function: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, [f"{self.file}:{self.line}" if self.file else "", self.text]))


@dataclass(frozen=True)
class Cause:
    """Where something began: *what* happened at *place*."""

    what: str
    place: Place | None


@dataclass(frozen=True)
class Explanation:
    """Why a program was refused.

    *reason* is a sentence, the same for every kernel; *said* the kernel's own line, *instruction* the one it
    was at. *neighbours* are the numbered lines around *place*, its own among them, None where one is not
    known. *registers* are those that matter, *causes* where their values and other things came from. *lines*
    is how many the log has.
    """

    kind: Kind
    reason: str
    said: str
    program: str | None
    instruction: str | None
    place: Place | None
    neighbours: tuple[tuple[int, str | None], ...]
    registers: tuple[RegisterState, ...]
    causes: tuple[Cause, ...]
    suggestion: str | None
    lines: int
