"""An explanation as text for the first screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_ebpf.verifier.model import Cause, Explanation

#: More than that is left out of a source line.
_WIDTH: Final = 100


def render(found: Explanation) -> str:
    """*found* in at most 40 lines: reason, source, registers, where values came from, what to do."""
    return "\n".join(_lines(found))


def _lines(found: Explanation) -> Iterator[str]:
    yield found.reason
    if found.place:
        function = f", in {found.place.function}" if found.place.function else ""
        at = f"{found.place.file}:{found.place.line}" if found.place.file else "at"
        yield ""
        yield f"{at}{function}"
        yield from _source(found)
    if found.registers or found.causes:
        yield ""
    yield from (f"{each.name}: {each.words()}" for each in found.registers)
    yield from map(_cause, found.causes)
    yield ""
    if found.suggestion:
        yield f"try: {found.suggestion}"
    instruction = f" (instruction {found.instruction})" if found.instruction else ""
    yield f"kernel: {found.said}{instruction}"


def _source(found: Explanation) -> Iterator[str]:
    """The line with its neighbours; gaps, where nothing is known, in one line."""
    assert found.place
    if not found.neighbours:
        yield f"> {found.place.text}"
        return
    width = len(str(found.neighbours[-1][0]))
    for number, text in found.neighbours:
        mark = ">" if number == found.place.line else " "
        if text is not None:
            yield f"{mark} {number:{width}} | {_cut(text.expandtabs(4))}".rstrip()


def _cause(cause: Cause) -> str:
    return f"{cause.what}: {cause.place}" if cause.place else cause.what


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
