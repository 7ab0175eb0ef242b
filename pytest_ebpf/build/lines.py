"""Where each line of rendered C came from: markers put in by Jinja, turned into ``#line`` directives.

clang then names the user's template in its messages, and so does the BTF line information of the object.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

# A marker is STX, the template's name, US, the line, ETX: characters that no C source holds.
_MARKER: Final = re.compile("\x02([^\x02\x03\x1f]*)\x1f(\\d+)\x03")
_LITERAL: Final = re.compile(r"//.*|/\*|\"(?:\\.|[^\"\\])*\"?|'(?:\\.|[^'\\])*'?")


class LineMarks(Extension):
    """A Jinja extension that marks the beginning of every line of template text."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Put a marker before each line of text, and before each expression, with which a line may begin."""
        name = stream.name or ""
        for token in stream:
            if token.type == "variable_begin":
                yield Token(token.lineno, "data", mark("", name, token.lineno))
            if token.type == "data":
                yield Token(token.lineno, "data", mark(token.value, name, token.lineno))
            else:
                yield token


def mark(text: str, name: str, line: int) -> str:
    """Put a marker before each line of *text*, which begins at *line* of template *name*."""
    pieces = text.split("\n")
    return "\n".join(f"\x02{name}\x1f{line + index}\x03{piece}" for index, piece in enumerate(pieces))


def directives(text: str, shown: Callable[[str], str]) -> str:
    """Replace the markers of rendered *text* by ``#line`` directives, where the origin jumps.

    The origin of a line is the last marker before its first visible character. No directive is put where it
    would not be one: after a line continued by a backslash, or inside a comment. *shown* gives the
    path to show for a template's name.
    """
    lines: list[str] = []
    expected: tuple[str, int] | None = None
    blocked = False
    commented = False
    for raw in text.split("\n"):
        origin = _origin(raw)
        line = _MARKER.sub("", raw)
        if origin and origin != expected and line.strip() and not blocked:
            quoted = shown(origin[0]).replace("\\", r"\\").replace('"', r"\"")
            lines.append(f'#line {origin[1]} "{quoted}"')
            expected = origin
        lines.append(line)
        commented = _ends_in_comment(line, commented)
        blocked = commented or line.endswith("\\")
        expected = (expected[0], expected[1] + 1) if expected else None
    return "\n".join(lines)


def _origin(raw: str) -> tuple[str, int] | None:
    origin = None
    position = 0
    while True:
        while position < len(raw) and raw[position].isspace():
            position += 1
        match = _MARKER.match(raw, position)
        if not match:
            return origin
        origin = (match[1], int(match[2]))
        position = match.end()


def _ends_in_comment(line: str, commented: bool) -> bool:
    position = 0
    while True:
        if commented:
            end = line.find("*/", position)
            if end < 0:
                return True
            position = end + 2
        match = _LITERAL.search(line, position)
        if not match:
            return False
        commented = match[0] == "/*"
        position = match.end()
