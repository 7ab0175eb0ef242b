"""What ninja and clang said, made readable."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

#: Put before each step by ninja (``NINJA_STATUS``): a character no tool prints.
STATUS: Final = "\x1e"

#: A screenful: more errors than this are counted, not shown.
MOST: Final = 10

#: Lines shown of one error: itself, its caret, and the first of its notes (macros can have dozens).
LINES: Final = 12

_MESSAGE: Final = re.compile(
    r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+):(?P<column>\d+): (?P<kind>fatal error|error|warning): "
)
#: What LLVM's assembler says, without a place, of a symbol that is called like a section.
_SECTION: Final = re.compile(
    r"^error: (?:symbol '(.+)' is already defined|(.+) changed binding to \w+)$", re.MULTILINE
)
_NOT_MESSAGE: Final = re.compile(r"^\d+ (?:warnings?|errors?)(?: and \d+ errors?)? generated\.$")


#: The name of a step and its errors to what is shown of them.
Advise = Callable[[str, Sequence[str]], Sequence[str]]


@dataclass(frozen=True)
class Step:
    """One finished command of ninja: its *name*, whether it *failed*, what it printed."""

    name: str
    failed: bool
    output: str


def steps(text: str) -> tuple[Step, ...]:
    """Split ninja's output, run with ``NINJA_STATUS`` set to :data:`STATUS`, into its steps."""
    found = []
    for part in text.split(STATUS)[1:]:
        name, _, rest = part.partition("\n")
        failed = rest.startswith("FAILED: ")
        if failed:
            rest = rest.split("\n", 2)[2]  # the line FAILED and the command
        lines = [line for line in rest.splitlines() if not line.startswith("ninja: ")]
        found.append(Step(name.strip(), failed, "\n".join(lines).strip("\n")))
    return tuple(found)


def messages(output: str) -> tuple[str, ...]:
    """Split clang's output into its messages, each with its source line, caret and notes."""
    found: list[list[str]] = []
    opening: list[str] = []
    for line in output.splitlines():
        if _NOT_MESSAGE.match(line):
            continue
        if _MESSAGE.match(line):
            found.append([*opening, line])
            opening = []
        elif line.startswith("In file included from ") or not found:
            opening.append(line)
        else:
            found[-1].append(line)
    if opening:
        found.append(opening)
    return tuple("\n".join(message) for message in found)


def errors(output: str) -> tuple[str, ...]:
    """Return the messages of clang that are errors, or all it said where none looks like one."""
    said = messages(output)
    found = tuple(message for message in said if _kind(message).endswith("error"))
    return found or _sections(output) or said


def _sections(output: str) -> tuple[str, ...]:
    names = dict.fromkeys(match[1] or match[2] for match in _SECTION.finditer(output))
    return tuple(f'error: "{name}" is the name of a section and of a symbol; rename one' for name in names)


def warnings(output: str) -> tuple[str, ...]:
    """Return the messages of clang that are warnings."""
    return tuple(message for message in messages(output) if _kind(message) == "warning")


def _kind(message: str) -> str:
    for line in message.splitlines():
        if match := _MESSAGE.match(line):
            return match["kind"]
    return ""


def summary(failed: Sequence[Step], advise: Advise = lambda _, said: said) -> str:
    """Return the errors of the steps that *failed*: at most :data:`MOST`, and how many more there are.

    *advise* is given the name of a step and its errors, and returns what is to be shown of them.
    """
    said = [message for step in failed for message in advise(step.name, errors(step.output))]
    shown = ["\n".join(message.splitlines()[:LINES]) for message in said[:MOST]]
    more = len(said) - MOST
    return "\n".join([*shown, f"... and {more} more"] if more > 0 else shown)
