"""The file a manifest was read from: its name and lines in messages."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from pytest_ebpf.errors import Problem
from pytest_ebpf.manifest.locate import Locations, locate

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Source:
    """A file by the *name* it has in messages, and its *text*, which must be well-formed TOML."""

    name: str
    text: str

    @cached_property
    def locations(self) -> Locations:
        """Where keys stand. Found on first use: a manifest without defects is seldom asked."""
        return locate(self.text)

    def where(self, path: Sequence[str | int]) -> str:
        """``ebpf.toml:14``: the line of *path*, or of the nearest table around it that is written."""
        return f"{self.name}:{self.locations.line(path)}"

    def problem(self, path: Sequence[str | int], what: str, hint: str | None = None) -> Problem:
        """A problem located as ``ebpf.toml:14: maps.counters.max_entries``."""
        where = self.where(path)
        return Problem(f"{where}: {dotted(path)}" if path else where, what, hint)


def absolute(path: Path) -> Path:
    """*path* from the root, without ``..``. Links stay: a linked manifest belongs where the link is."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve() follows links


def display_name(path: Path) -> str:
    """*path* as messages show it: relative to the current directory if it lies beneath it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def dotted(path: Sequence[str | int]) -> str:
    """*path* as TOML spells it, with the index of an array element in brackets: ``maps.a.flags[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = (
                part if _BARE.fullmatch(part) else '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
            )
            text += f".{key}" if text else key
    return text
