"""Where data files lie. The only module that knows.

In a checkout ``templates/`` and ``vm/`` stand beside the package; in a wheel they are inside it.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Final

from pytest_ebpf.errors import UsageError

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


def agent_recipe() -> str:
    """What makes the agent and libbpf's headers: a command in a checkout, else what is to be done."""
    if (data_root() / "Makefile").is_file():
        return f"make -C {data_root()} agent"
    return "run `make agent` in a checkout, and install from there again"


#: Beside the manifest: the kernels it is pinned to.
LOCK_NAME: Final = "ebpf-kernels.lock"


def cache_root() -> Path:
    """The user's cache of kernels: ``$PYTEST_EBPF_CACHE``, else under ``$XDG_CACHE_HOME`` or ``~/.cache``.

    :class:`~pytest_ebpf.errors.UsageError` for a user without a home, as in a container under any number.
    """
    if override := os.environ.get("PYTEST_EBPF_CACHE"):
        return Path(override)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "pytest-ebpf"
    try:
        return Path.home() / ".cache" / "pytest-ebpf"
    except RuntimeError as error:
        raise UsageError(
            f"user {os.getuid()} has no home folder for kernels", hint="set PYTEST_EBPF_CACHE to a folder"
        ) from error
