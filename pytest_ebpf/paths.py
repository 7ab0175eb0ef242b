"""Where data files lie. The only module that knows.

In a checkout ``templates/`` and ``vm/`` stand beside the package; in a wheel they are inside it.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Final

_PACKAGE = Path(__file__).resolve().parent


@cache
def data_root() -> Path:
    """The folder that holds ``templates/`` and ``vm/``."""
    inside = _PACKAGE / "_data"
    return inside if inside.is_dir() else _PACKAGE.parent


def templates() -> Path:
    """The Jinja templates that come with the project."""
    return data_root() / "templates"


def vm() -> Path:
    """Guest-side code and kernel data."""
    return data_root() / "vm"


def agent() -> Path:
    """The static guest agent, built by ``make agent``."""
    return vm() / "agent" / "build" / "agent"


def libbpf_include() -> Path:
    """The include folder with ``bpf/bpf_helpers.h`` of the libbpf that the agent is built on."""
    return vm() / "agent" / "build" / "include"


#: Beside the manifest: the kernels it is pinned to.
LOCK_NAME: Final = "ebpf-kernels.lock"


def cache_root() -> Path:
    """The user's cache of kernels: ``$PYTEST_EBPF_CACHE``, else under ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if override := os.environ.get("PYTEST_EBPF_CACHE"):
        return Path(override)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pytest-ebpf"
