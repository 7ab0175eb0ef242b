"""Run a tool of the host. The only place that calls subprocess for tools."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_ebpf.errors import ToolError

#: Seconds that an interrupted tool has for cleaning up.
GRACE: Final = 3.0


@dataclass(frozen=True)
class Completed:
    """What a finished tool left: exit *status* and its two streams as text."""

    status: int
    stdout: str
    stderr: str


def find(names: Sequence[str], *, hint: str) -> Path:
    """Return the first of *names* found on ``PATH``; :class:`ToolError` with *hint* if there is none."""
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    raise ToolError(f"{names[0]}: not found on PATH", hint=hint)


def run(
    argv: Sequence[str | os.PathLike[str]],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> Completed:
    """Run *argv* to its end, at most *timeout* seconds, and return what it left, whatever its status.

    *env* is added to the environment of this process. :class:`ToolError` when it cannot be started or
    does not finish.
    """
    words = [os.fspath(word) for word in argv]
    try:
        with subprocess.Popen(
            words,
            cwd=cwd,
            env={**os.environ, **env} if env else None,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as child:
            try:
                stdout, stderr = child.communicate(stdin, timeout=timeout)
            except BaseException:
                _end(child)
                raise
    except FileNotFoundError as error:
        raise ToolError(f"{words[0]}: not found", hint="install it or correct the path") from error
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{words[0]}: did not finish within {timeout:g} s") from error
    except OSError as error:
        raise ToolError(f"{words[0]}: {error.strerror or error}") from error
    return Completed(child.returncode, stdout, stderr)


def _end(child: subprocess.Popen[str]) -> None:
    """Interrupt *child* as Ctrl-C would, so that it can end its own children and clean up; then kill it."""
    child.send_signal(signal.SIGINT)
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
