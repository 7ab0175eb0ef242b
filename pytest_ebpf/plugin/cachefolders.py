"""Folders of pytest's cache that the plugin keeps files in. It may have none (``-p no:cacheprovider``)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.cacheprovider import Cache


def folder(config: pytest.Config, name: str) -> Path | None:
    """Return the folder *name*, made if it is not there; None where there is no cache.

    OSError if it cannot be made.
    """
    cache: Cache | None = getattr(config, "cache", None)
    return cache.mkdir(name) if cache is not None else None


def keep_newest(folder: Path, most: int) -> None:
    """Remove all but the *most* newest files, those that workers of pytest-xdist do not remove just now."""
    with suppress(OSError):
        for old in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)[:-most]:
            old.unlink(missing_ok=True)
