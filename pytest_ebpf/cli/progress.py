"""A line on a terminal while a command works; nothing where standard error goes elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from pytest_ebpf.session.progress import ProgressLine

#: To the beginning of the line, and clear it (ECMA-48: EL).
ERASE: Final = "\r\x1b[K"


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
