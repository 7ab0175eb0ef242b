"""What stands below a failed test: the user's own frames, and what the machine said."""

from __future__ import annotations

import contextlib
import sys
from typing import Final

import pytest

from pytest_ebpf.errors import EbpfError, InfrastructureError, KernelCrashedError

#: Lines of a log or of a console that are shown, the last ones.
_SHOWN: Final = 60

_NOT_THE_USERS: Final = {"pytest_ebpf", "_pytest", "pluggy"}


def shorten(info: pytest.ExceptionInfo[BaseException]) -> None:
    """Leave the frames of this package, and the errors behind an error of ours, out of what is shown."""
    for name, module in list(sys.modules.items()):
        if name.startswith("pytest_ebpf."):
            module.__dict__["__tracebackhide__"] = _is_users_error
    contextlib.__dict__["__tracebackhide__"] = _is_ours  # its frames stand between ours
    if isinstance(info.value, EbpfError):
        info.value.__cause__ = None


def is_all_ours(info: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether *info* is an error of ours that no line of the user's is part of."""
    packages = {str(entry.frame.f_globals.get("__name__")).partition(".")[0] for entry in info.traceback}
    return isinstance(info.value, EbpfError) and packages <= _NOT_THE_USERS


def sections(error: BaseException | None) -> list[tuple[str, str]]:
    """Return what the machine said, to stand below the failure."""
    if isinstance(error, KernelCrashedError | InfrastructureError) and error.console:
        return [("console of the guest", tail(error.console))]
    return []


def tail(text: str, lines: int = _SHOWN) -> str:
    """Return the last *lines* of *text*, saying how many were left out."""
    kept = text.rstrip().splitlines()
    if len(kept) <= lines:
        return "\n".join(kept)
    return "\n".join([f"({len(kept) - lines} lines left out)", *kept[-lines:]])


def _is_ours(info: pytest.ExceptionInfo[BaseException]) -> bool:
    return isinstance(info.value, EbpfError)


def _is_users_error(info: pytest.ExceptionInfo[BaseException]) -> bool:
    """Whether the user can act on the error, so that our frames would only be in the way."""
    return isinstance(info.value, EbpfError | AttributeError | LookupError)
