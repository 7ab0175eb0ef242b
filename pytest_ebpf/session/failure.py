"""What an exception says of a cell."""

from __future__ import annotations

from typing import Final

from pytest_ebpf.errors import (
    DeadlineError,
    InfrastructureError,
    KernelCrashedError,
    KernelError,
    ToolError,
    UnsupportedError,
)
from pytest_ebpf.report import Outcome

_BY_ERROR: Final[tuple[tuple[type[BaseException], Outcome], ...]] = (
    (UnsupportedError, Outcome.UNSUPPORTED),
    (KernelCrashedError, Outcome.CRASHED),
    (DeadlineError, Outcome.TIMED_OUT),
    (InfrastructureError, Outcome.INFRASTRUCTURE),
    (KernelError, Outcome.INFRASTRUCTURE),
    (ToolError, Outcome.INFRASTRUCTURE),
)


def outcome_of(error: BaseException) -> Outcome:
    """Return the outcome that *error* stands for; anything that is not ours is a failure."""
    return next((outcome for kind, outcome in _BY_ERROR if isinstance(error, kind)), Outcome.FAILED)


def lost_machine(error: BaseException | None) -> bool:
    """Whether the machine cannot be used any more after *error*."""
    return isinstance(error, KernelCrashedError | InfrastructureError)
