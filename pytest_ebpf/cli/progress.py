"""What a command says beside what it is asked for: on standard error, a line at a time.

What tells of progress is drawn where that is a terminal, and nowhere else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from pytest_ebpf.session.progress import ProgressLine

#: To the beginning of the line, and clear it (ECMA-48: EL).
ERASE: Final = "\r\x1b[K"


def say(message: str) -> None:
    """Print a line at once, in the place of one that tells of progress."""
    print(f"{ERASE if sys.stderr.isatty() else ''}{message}", file=sys.stderr, flush=True)


def count(number: int, what: str) -> str:
    """Spell *number* of *what* out."""
    return f"{number} {what}{'' if number == 1 else 's'}"


@contextmanager
def working(what: str, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Show that *what* is going on, unless *quiet*; gives a function to tell how far it is."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    with ProgressLine(what, _draw) as line:
        yield line.tell


def _draw(text: str) -> None:
    sys.stderr.write(f"{ERASE}{text}")
    sys.stderr.flush()
