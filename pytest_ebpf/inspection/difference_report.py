"""The differences of two objects as text, Markdown and JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from pytest_ebpf.inspection.difference import Change, Difference, Part

#: Version of the JSON document: it rises when something is taken away or changes its meaning.
VERSION: Final = 1

_TITLES: Final = {
    Part.OBJECT: "Object",
    Part.PROGRAM: "Programs",
    Part.FUNCTION: "Subprograms",
    Part.MAP: "Maps",
    Part.GLOBAL: "Globals",
    Part.REQUIREMENT: "Asked of the kernel",
}


def to_text(found: Difference) -> str:
    """A line for each change under the heading of its part: ``+`` came, ``-`` went, ``~`` is otherwise."""
    lines = [_headline(found)]
    for part, changes in groupby(found.changes, key=lambda each: each.part):
        lines += ["", _TITLES[part]]
        for change in changes:
            lines.append(f"  {_mark(change)} {_subject(change)}: {_what(change)}")
            if change.source:
                lines.append(f"      {_place(change)}")
    return "\n".join(lines)


def _headline(found: Difference) -> str:
    count = len(found.changes)
    differences = "no difference" if not count else f"{count} difference{'' if count == 1 else 's'}"
    return f"{found.old} -> {found.new}: {differences}"


def _mark(change: Change) -> str:
    if change.what:
        return "~"
    return "+" if change.old is None else "-"


def _subject(change: Change) -> str:
    return " ".join(filter(None, [change.name, change.what]))


def _what(change: Change) -> str:
    """What came, what went, or both with an arrow between."""
    if not change.what:
        said = change.new if change.old is None else change.old
        return f"for {said}" if change.part is Part.REQUIREMENT else str(said)
    if change.what == "code":
        return str(change.new)
    return f"{_side(change.old)} -> {_side(change.new)}{_by(change)}"


def _side(value: str | None) -> str:
    return "none" if value is None else value


def _by(change: Change) -> str:
    """How much more or less, where both are plain numbers."""
    old, new = change.old or "", change.new or ""
    return f" ({int(new) - int(old):+})" if old.isdecimal() and new.isdecimal() else ""


def _place(change: Change) -> str:
    return f"{change.source}: {change.text}" if change.text else str(change.source)


def to_markdown(found: Difference) -> str:
    """A table for a comment in a review."""
    if not found.changes:
        return f"`{found.old}` and `{found.new}` do not differ."
    return "\n".join(_markdown(found))


def _markdown(found: Difference) -> Iterator[str]:
    yield f"**{_headline(found)}**"
    yield ""
    yield "| | what | change | where |"
    yield "|---|---|---|---|"
    for change in found.changes:
        kind = _TITLES[change.part].lower()
        cells = (
            f"{_mark(change)} {kind}",
            _subject(change),
            _what(change),
            _place(change) if change.source else "",
        )
        yield f"| {' | '.join(each.replace('|', chr(92) + '|') for each in cells)} |"


def to_json(found: Difference) -> str:
    """The document that ``docs/diff.md`` describes."""
    document = {
        "version": VERSION,
        "same": not found.changes,
        "old": found.old,
        "new": found.new,
        "changes": [vars(each) for each in found.changes],
    }
    return json.dumps(document, indent=2)
