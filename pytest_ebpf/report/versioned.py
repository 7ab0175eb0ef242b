"""JSON documents with a version, read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

#: Raised when a reader of the former format would misread the new one; new keys alone do not raise it.
VERSION: Final = 1

Read = TypeVar("Read")


def read_versioned(text: str, what: str, read: Callable[[dict[str, Any]], Read]) -> Read:
    """Return what *read* makes of *text*. ValueError, with a sentence for the user, if it cannot.

    *what* begins the sentence: ``is no matrix``.
    """
    try:
        said = json.loads(text)
    except ValueError as error:
        raise ValueError(f"is not JSON ({error})") from error
    version = said.get("version") if isinstance(said, dict) else None
    if version != VERSION:
        raise ValueError(f"{what} in version {VERSION} (version seen: {json.dumps(version)})")
    try:
        return read(said)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{what} ({type(error).__name__}: {error})") from error
