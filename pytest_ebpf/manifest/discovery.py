"""Find the manifest of a folder. Imports nothing heavy: it runs in every pytest session."""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: The name of every manifest.
FILE_NAME: Final = "ebpf.toml"


def find(start: Path) -> Path | None:
    """The ``ebpf.toml`` in *start* (a folder, or a file in it) or the nearest folder above; None if none."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None
