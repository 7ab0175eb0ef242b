"""How the name of a row is read, what it is of and its own part, and how wide text is in a terminal."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

#: Colors of terminals; characters that do not show, or that turn others around (Unicode, Bidi_Control).
_COLOR: Final = re.compile(r"\x1b\[[0-9;]*m")
_HIDDEN: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


@dataclass(frozen=True)
class Name:
    """A row's name: the *group* it is under (a file, an object; "" if none) and the rest, *own*."""

    group: str
    own: str


def name_of(row: str) -> Name:
    """Split ``tests/test_a.py::test_b`` and ``a.bpf.o: program``; a bracketed parameter stays whole."""
    plain, bracket, parameter = " ".join(visible(row).split()).partition("[")
    for separator in ("::", ": "):
        group, found, own = plain.rpartition(separator)
        if found:
            return Name(group, own + bracket + parameter)
    return Name("", plain + bracket + parameter)


def visible(text: str) -> str:
    r"""*text* without colors, and with what does not show written out, ``\u202e``."""
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", _COLOR.sub("", text))


def columns_of(text: str) -> int:
    """The columns that *text* takes in a terminal: two for wide characters, none for accents on others."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )
