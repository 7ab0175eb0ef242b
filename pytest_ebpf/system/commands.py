"""Commands in the guest: run to their end, or started and waited for."""

from __future__ import annotations

import errno
import shlex
import signal as signals
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_ebpf.errors import CommandError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.system.identity import Identity, identity_arguments
from pytest_ebpf.system.worker import signal_name

#: Seconds that a command may take, and bytes that it may say, unless said otherwise.
COMMAND_TIMEOUT: Final = 10.0
OUTPUT_LIMIT: Final = 1 << 20

#: The environment of every command, to which a test adds.
ENVIRONMENT: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}

#: Seconds of one wait in the guest, and for the end of what was killed.
_SLICE: Final = 1.0
_END: Final = 3.0

#: Characters of a command, and of what it said last, that an error shows.
_SHOWN: Final = 100


#: Why a file cannot be executed, as far as that can be mended.
_HINTS: Final = {
    errno.EACCES: "make it executable: files.write(path, data, mode=0o755)",
    errno.ENOEXEC: "begin a script with the line #!/bin/sh",
}


class Surroundings(Identity, total=False):
    """How a command runs: whose it is, see :class:`~pytest_ebpf.system.identity.Identity`, and with what.

    *input* is its standard input, *env* is added to PATH and HOME, *cwd* is its directory. Of both its
    streams together *output_limit* bytes are taken, at most 16 MiB: when it says more it is killed.
    """

    input: bytes | str
    env: Mapping[str, str] | None
    cwd: str | None
    output_limit: int


@dataclass(frozen=True)
class Completed:
    r"""A command that has ended: its exit *status*, or the *signal* that ended it (0 where none did).

    Bytes of its streams that are not UTF-8 are shown as ``\xNN``.
    """

    argv: tuple[str, ...]
    status: int
    signal: int
    stdout: str
    stderr: str

    def check(self) -> Completed:
        """Return it; :class:`~pytest_ebpf.errors.CommandError` if it failed."""
        if self.signal:
            what, hint = f"ended by {signal_name(self.signal)}", None
        elif self.status:
            what, hint = f"exit status {self.status}", "give check=False if it may fail"
        else:
            return self
        raise CommandError(
            what + _said(self.stderr),
            where=shown(self.argv),
            hint=hint,
            status=None if self.signal else self.status,
            signal=self.signal or None,
            stdout=self.stdout,
            stderr=self.stderr,
        )


class Command:
    """A command that was started. It is killed with the test, if it has not ended."""

    def __init__(self, guest: Guest, path: str, argv: Sequence[str], surroundings: Surroundings) -> None:
        self.argv = tuple(argv)
        self._guest = guest
        self._limit = surroundings.get("output_limit", OUTPUT_LIMIT)
        self._streams = (bytearray(), bytearray())
        self._end: dict[str, Any] | None = None
        try:
            made = guest.call("exec", argv=list(argv), path=path, **_arguments(surroundings))
        except CallError as error:
            raise CommandError(error.what, where=shown(argv), hint=_HINTS.get(error.errno)) from error
        self.pid: int = made["pid"]
        self.handle: int = made["process"]

    def __repr__(self) -> str:
        return f"<command {shown(self.argv)}, pid {self.pid}>"

    @property
    def running(self) -> bool:
        """Whether it has not ended; asks the guest."""
        return not self._look(0.0)

    @property
    def stdout(self) -> str:
        """What it has said so far; asks the guest."""
        self._look(0.0)
        return _text(self._streams[0])

    @property
    def stderr(self) -> str:
        """What it has said of errors so far; asks the guest."""
        self._look(0.0)
        return _text(self._streams[1])

    def wait(self, timeout: float = COMMAND_TIMEOUT) -> Completed:
        """Wait for its end, however it ends.

        :class:`~pytest_ebpf.errors.CommandError` when that takes more than *timeout* seconds, or when it says
        more than it may: then it is killed.
        """
        end = time.monotonic() + timeout
        while not self._look(min(max(end - time.monotonic(), 0.0), _SLICE)):
            if time.monotonic() >= end:
                self.kill()
                self._look(_END)
                raise self._error(
                    f"did not end within {timeout:g} s, and was killed", "give a longer timeout"
                )
        assert self._end is not None
        if self._end["flooded"]:
            raise self._error(
                f"said more than {self._limit} bytes, and was killed",
                "give a larger output_limit, or say less",
            )
        return Completed(
            self.argv,
            self._end["status"],
            self._end["signal"],
            _text(self._streams[0]),
            _text(self._streams[1]),
        )

    def kill(self, signal: int = signals.SIGKILL) -> None:
        """Send a signal to it and all that it has started, if it has not ended."""
        if self._end is None:
            answer = self._guest.batch([("kill", {"process": self.handle, "signal": int(signal)})])[0]
            # It may have ended in the meantime, which the next wait tells.
            if isinstance(answer, CallError) and answer.errno != errno.ESRCH:
                raise answer

    def _look(self, seconds: float) -> bool:
        """Wait for its end, take what it has said; whether it has ended."""
        if self._end is None:
            answer = self._guest.call("wait", process=self.handle, timeout_ms=round(seconds * 1000))
            for taken, name in zip(self._streams, ("stdout", "stderr"), strict=True):
                taken.extend(answer[name])
            if not answer["running"]:
                self._end = answer
        return self._end is not None

    def _error(self, what: str, hint: str) -> CommandError:
        stdout, stderr = map(_text, self._streams)
        return CommandError(
            what + _said(stderr), where=shown(self.argv), hint=hint, stdout=stdout, stderr=stderr
        )


def shown(argv: Sequence[str]) -> str:
    """Return *argv* as one would type it, cut to a line; what cannot be seen is shown as in Python."""
    line = "".join(each if each.isprintable() else repr(each)[1:-1] for each in shlex.join(argv))
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def _arguments(surroundings: Surroundings) -> dict[str, Any]:
    args: dict[str, Any] = {
        "env": {**ENVIRONMENT, **(surroundings.get("env") or {})},
        "output_limit": surroundings.get("output_limit", OUTPUT_LIMIT),
        **identity_arguments(surroundings),
    }
    if data := surroundings.get("input"):
        args["stdin"] = data.encode() if isinstance(data, str) else data
    if cwd := surroundings.get("cwd"):
        args["cwd"] = cwd
    return args


def _said(stderr: str) -> str:
    """The last that a command said of errors, for the end of a sentence."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if not lines:
        return ""
    return f" ({lines[-1] if len(lines[-1]) <= _SHOWN else lines[-1][:_SHOWN] + '...'})"


def _text(data: bytearray) -> str:
    return data.decode(errors="backslashreplace")
