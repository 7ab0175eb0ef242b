"""Find the line on which each key and each array element of a TOML document stands.

tomli tells no positions, so its accepted text is scanned once more. The scanner trusts that text: it looks
only for keys and nesting, and leaves the meaning of values to tomli.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import tomli

#: Keys of tables and indexes of arrays, from the root of the document.
Path = tuple[str | int, ...]

_TRIVIA: Final = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BLANK: Final = re.compile(r"[ \t]*")
_STRING: Final = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY: Final = re.compile(r"[^\s.=\[\]{}\"'#,]+")
_SCALAR: Final = re.compile(r"[^,\]}\n#]+")


@dataclass(frozen=True)
class Locations:
    """The *lines* (from 1) of the paths of one document; the root stands on line 1."""

    lines: Mapping[Path, int]

    def line(self, path: Sequence[str | int]) -> int:
        """The line of *path*, or, where the document does not have it, of what would contain it."""
        known = tuple(path)
        while known and known not in self.lines:
            known = known[:-1]
        return self.lines.get(known, 1)


def locate(text: str) -> Locations:
    """Scan *text*, which tomli accepts, and return where the keys and elements of its document stand.

    A table that is mentioned several times stands where it is first mentioned.
    """
    newlines = [match.start() for match in re.finditer("\n", text)]
    return Locations({path: bisect_right(newlines, at) + 1 for path, at in _Scanner(text).scan().items()})


class _Scanner:
    """One pass over a document; *found* maps each path to the offset of its key or element."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: dict[Path, int] = {}
        self._elements: dict[Path, int] = {}  # arrays of tables: how many tables so far

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_TRIVIA)
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                table = self._array_header()
            elif self._peek() == "[":
                self._at += 1
                table = self._keys(())
                self._at += 1
            else:
                self._pair(table)
            self._skip(_TRIVIA)
        return self._found

    def _array_header(self) -> Path:
        start = self._at
        self._at += 2
        array = self._keys((), last_is_array=True)
        self._at += 2
        index = self._elements.get(array, 0)
        self._elements[array] = index + 1
        self._found[(*array, index)] = start
        return (*array, index)

    def _keys(self, base: Path, *, last_is_array: bool = False) -> Path:
        """Read a dotted key below *base*; through an array of tables it means the last table so far."""
        path = base
        while True:
            self._skip(_BLANK)
            path = (*path, self._key_at(path))
            self._skip(_BLANK)
            more = self._peek() == "."
            if path in self._elements and (more or not last_is_array):
                path = (*path, self._elements[path] - 1)
            if not more:
                return path
            self._at += 1

    def _key_at(self, base: Path) -> str:
        start = self._at
        quoted = self._peek() in "\"'"
        match = (_STRING if quoted else _BARE_KEY).match(self._text, start)
        if match is None:
            raise AssertionError(f"no key at offset {start}: text that tomli does not accept")
        self._at = match.end()
        key = str(tomli.loads(f"k = {match[0]}")["k"]) if quoted else match[0]
        self._found.setdefault((*base, key), start)
        return key

    def _pair(self, table: Path) -> None:
        path = self._keys(table)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: Path) -> None:
        opening = self._peek()
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            self._skip(_STRING if opening in "\"'" else _SCALAR)

    def _array(self, path: Path) -> None:
        for index, _ in enumerate(self._members("]")):
            element = (*path, index)
            self._found[element] = self._at
            self._value(element)

    def _inline_table(self, path: Path) -> None:
        for _ in self._members("}"):
            self._pair(path)

    def _members(self, closing: str) -> Iterator[None]:
        """Stop at the start of each member of a bracketed list; the caller reads it before going on."""
        self._at += 1
        self._skip(_TRIVIA)
        while self._peek() != closing:
            yield
            self._skip(_TRIVIA)
            if self._peek() == ",":
                self._at += 1
            self._skip(_TRIVIA)
        self._at += 1

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if match := pattern.match(self._text, self._at):
            self._at = match.end()
