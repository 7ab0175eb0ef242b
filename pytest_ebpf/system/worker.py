"""A process of the guest that makes the system calls it is told to, and no others (but futex(2))."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from pytest_ebpf.errors import ProcessError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.system.identity import Identity, identity_arguments
from pytest_ebpf.system.syscalls import (
    Argument,
    Call,
    Returned,
    Sys,
    decode,
    encode,
    name_of,
    source_arguments,
)

#: Seconds that one list of system calls may take, unless said otherwise.
CALLS_TIMEOUT: Final = 10.0

#: Seconds from the guest's deadline to ours.
_MARGIN: Final = 10.0

#: Bytes of a process's name in the kernel (``TASK_COMM_LEN``, less the NUL).
_COMM: Final = 15


class Worker:
    """A worker called *name* in the guest. It is ended with the test, or by :meth:`end`.

    As a context manager it is ended with the block.
    """

    def __init__(self, guest: Guest, name: str, identity: Identity) -> None:
        args = identity_arguments(identity)
        try:
            made = guest.call("spawn", name=name[:_COMM], **args)
        except CallError as error:
            raise ProcessError(error.what, where=f'process "{name}"') from error
        self.name = name
        self.pid: int = made["pid"]
        self.handle: int = made["process"]
        self._guest = guest
        self._ended = False

    def __repr__(self) -> str:
        state = "ended" if self._ended else f"pid {self.pid}"
        return f'<process "{self.name}", {state}>'

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def fd_source(self) -> dict[str, int]:
        """A pidfd of it, for whoever takes sources of descriptors."""
        return {"pid": self.pid}

    @property
    def ended(self) -> bool:
        """Whether it is known to have ended."""
        return self._ended

    @property
    def alive(self) -> bool:
        """Whether it has neither ended nor been ended; asks the guest."""
        if not self._ended:
            answer = self._guest.call("wait", process=self.handle)
            self._ended = not answer["running"]
        return not self._ended

    def syscalls(self, calls: Sequence[Call], *, timeout: float = CALLS_TIMEOUT) -> list[Returned]:
        """Make *calls* one after another, in one exchange with the guest; nothing is raised for a failed one.

        :class:`~pytest_ebpf.errors.ProcessError` when they take more than *timeout* seconds, for which the
        process is killed, and when it has ended.
        """
        args = {"process": self.handle, "calls": encode(calls), "timeout_ms": round(timeout * 1000)}
        return decode(self._call("sys", args, timeout, calls))

    def syscall(
        self, number: int, *args: Argument, what: object = None, timeout: float = CALLS_TIMEOUT
    ) -> Returned:
        """Make one system call; OSError with the guest's errno, about *what*, when it fails."""
        (returned,) = self.syscalls([(number, args)], timeout=timeout)
        return checked(returned, name_of(number) if what is None else what)

    def give(self, source: Mapping[str, Any] | Any) -> int:
        """Hand the process a descriptor, and return the number it has there.

        *source* tells of it: a socket of another process, a program, a map, ..., or ``{"path": "/proc"}``.
        """
        args = {"process": self.handle, "of": source_arguments(source)}
        return int(self._call("give", args, CALLS_TIMEOUT, ())["fd"])

    def exit(self, status: int = 0) -> None:
        """Have it end itself."""
        with suppress(ProcessError):
            self.syscalls([(Sys.EXIT_GROUP, (status,))])

    def end(self) -> None:
        """Kill it, if it has not ended."""
        if not self._ended:
            self._ended = True
            self._guest.call("kill", process=self.handle)

    def _call(self, op: str, args: dict[str, Any], timeout: float, calls: Sequence[Call]) -> Any:
        if self._ended:
            raise ProcessError("has ended", where=self._where, hint="start another: ebpf.guest.process()")
        wait = timeout + _MARGIN
        (answer,) = self._guest.collect(self._guest.post([(op, args)], wait), wait)
        if not isinstance(answer, CallError):
            return answer
        if answer.errno == errno.ESRCH:
            raise ProcessError(self._bury(), where=self._where) from answer
        if answer.errno == errno.ETIMEDOUT and op == "sys":
            self._bury()
            late = name_of(calls[answer.details["index"]][0])
            raise ProcessError(
                f"{late}: not over within {timeout:g} s, and the process was killed",
                where=self._where,
                hint="give a longer timeout, or a call that does not wait",
            ) from answer
        raise answer

    @property
    def _where(self) -> str:
        return f'process "{self.name}" ({self.pid})'

    def _bury(self) -> str:
        """Say how it ended; its handle is gone then."""
        end = self._guest.call("wait", process=self.handle)
        self._ended = not end["running"]
        if not self._ended:
            return "takes no calls any more: it runs another program, or has closed what it had open"
        return (
            f"was ended by {signal_name(end['signal'])}"
            if end["signal"]
            else f"has ended with status {end['status']}"
        )


def checked(returned: Returned, what: object) -> Returned:
    """Return *returned*; OSError about *what* if the call failed."""
    if returned.value < 0:
        raise OSError(-returned.value, os.strerror(-returned.value), what)
    return returned


def signal_name(number: int) -> str:
    """Return ``SIGKILL`` for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
