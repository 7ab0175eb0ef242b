"""What a test holds of the guest: its commands, its processes, its files."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import cached_property
from typing import TypeVar, Unpack

from pytest_ebpf.errors import ProcessError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.system import cgroups
from pytest_ebpf.system.cgroups import Cgroup
from pytest_ebpf.system.commands import COMMAND_TIMEOUT, Command, Completed, Surroundings
from pytest_ebpf.system.devices import Devices
from pytest_ebpf.system.files import Files
from pytest_ebpf.system.identity import Identity, check_keywords
from pytest_ebpf.system.namespaces import NetworkNamespace
from pytest_ebpf.system.network import Rtnetlink
from pytest_ebpf.system.processes import Process
from pytest_ebpf.system.stock import Stock
from pytest_ebpf.system.waiting import until

T = TypeVar("T")


class System(Devices):
    """The guest as a machine to drive, with the devices of its first network namespace.

    What was started and made is ended and removed by :meth:`close`.
    """

    def __init__(self, guest: Guest) -> None:
        super().__init__()
        self.guest = guest
        self._stock = Stock(guest)
        self.files = Files(guest, self._stock.written, lambda: self.process_self)
        self._handles: list[int] = []
        self._has_run = False
        self._root: Process | None = None
        self._others: list[NetworkNamespace | Cgroup] = []

    def run(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        check: bool = True,
        timeout: float = COMMAND_TIMEOUT,
        **surroundings: Unpack[Surroundings],
    ) -> Completed:
        """Run a command to its end, and return what it left.

        The guest has what a test put there (:meth:`install`, ``files.write``); any other command is copied
        from the host with its libraries, once. No shell is involved.
        :class:`~pytest_ebpf.errors.CommandError` when it is not to be had, takes more than *timeout* seconds,
        says too much, or, with *check*, fails.
        """
        completed = self.start(argv, **surroundings).wait(timeout)
        return completed.check() if check else completed

    def start(self, argv: Sequence[str | os.PathLike[str]], **surroundings: Unpack[Surroundings]) -> Command:
        """Start a command and return at once."""
        check_keywords("run", surroundings, Surroundings.__optional_keys__)
        if isinstance(argv, str):
            hint = f"give its words: {argv.split()!r}"
            raise UsageError(f"a command is a list of words (seen {argv!r})", where="run", hint=hint)
        if not argv or not argv[0]:
            hint = 'give its words: ["ls", "/"]'
            raise UsageError(f"no command is named (seen {argv!r})", where="run", hint=hint)
        words = [word if isinstance(word, str) else _word(word) for word in argv]
        command = Command(self.guest, self._stock.command(words), words, surroundings)
        self._handles.append(command.handle)
        self._has_run = True
        return command

    def install(self, path: str | os.PathLike[str], to: str | None = None) -> str:
        """Copy a program of the host, with all it needs to run, and return its path in the guest.

        A str without a slash is a command on PATH, anything else a file. Its path in the guest is that on the
        host, or *to*; what it needs stands at the same paths as here. A program that is installed again,
        having changed, is copied again. :class:`~pytest_ebpf.errors.CommandError` names what is missing.
        """
        return self._stock.install(path, to)

    def process(self, name: str | None = None, **identity: Unpack[Identity]) -> Process:
        """Start a process called *name* (default ``test``) that makes the system calls it is told to."""
        check_keywords("process", identity, Identity.__optional_keys__)
        process = Process(self.guest, name or "test", identity)
        self._handles.append(process.handle)
        return process

    @property
    def process_self(self) -> Process:
        """A process of root, the same each time as long as it lives."""
        if self._root is None or self._root.ended:
            self._root = self.process()
        return self._root

    def namespace(self, name: str) -> NetworkNamespace:
        """Make a network namespace."""
        made = NetworkNamespace(name, self.process)
        self._others.append(made)
        return made

    def cgroup(self, name: str) -> Cgroup:
        """Make a control group of version 2, at the top of the tree."""
        made = cgroups.make(self.guest, self.rtnetlink.process, name)
        self._others.append(made)
        return made

    @cached_property
    def rtnetlink(self) -> Rtnetlink:
        """Where requests about devices go; its process also makes what tests ask for by name."""
        return Rtnetlink(self.process("keeper"))

    def wait(self, condition: Callable[[], T], timeout: float = 2.0, what: str | None = None) -> T:
        """Return what *condition* returns, once that is true; see :func:`~pytest_ebpf.system.until`."""
        return until(condition, timeout, what)

    def close(self) -> None:
        """Remove the devices, namespaces and groups that were made, then end all that still runs."""
        made, self._others = self._others, []
        with ExitStack() as stack:
            stack.callback(self._end)
            for each in made:
                stack.callback(each.close)
            stack.callback(self.close_devices)

    def _end(self) -> None:
        if self._has_run:
            self._end_daemons()
        handles, self._handles, self._root = self._handles, [], None
        self.__dict__.pop("rtnetlink", None)
        kills = [("kill", {"process": handle}) for handle in handles]
        ends = [("wait", {"process": handle, "timeout_ms": 1000}) for handle in handles]
        if handles:
            self.guest.batch([*kills, *ends])  # most are gone by now, and answer so

    def _end_daemons(self) -> None:
        """Kill all other processes: what commands have left behind in sessions of their own."""
        self._has_run = False
        with suppress(ProcessError, ProcessLookupError):
            self.process_self.kill(-1, signal.SIGKILL)


def _word(value: object) -> str:
    """A word of a command that is no str: a path."""
    if isinstance(value, os.PathLike) and isinstance(path := os.fspath(value), str):
        return path
    raise UsageError(f"the words of a command are str (seen {value!r})", where="run", hint="write str(...)")
