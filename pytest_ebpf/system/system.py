"""What a test holds of the guest: its commands, its processes, its files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TypeVar, Unpack

from pytest_ebpf.errors import CommandError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.system import cgroups
from pytest_ebpf.system.cgroups import Cgroup
from pytest_ebpf.system.commands import COMMAND_TIMEOUT, Command, Completed, Surroundings, shown
from pytest_ebpf.system.devices import Devices
from pytest_ebpf.system.files import CHUNK, Files, write_arguments
from pytest_ebpf.system.identity import Identity
from pytest_ebpf.system.install import Entry, absolute, closure, find_command
from pytest_ebpf.system.namespaces import NetworkNamespace
from pytest_ebpf.system.network import Rtnetlink
from pytest_ebpf.system.processes import Process
from pytest_ebpf.system.waiting import until

T = TypeVar("T")


class System(Devices):
    """The guest as a machine to drive, with the devices of its first network namespace.

    What was started and made is ended and removed by :meth:`close`.
    """

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.files = Files(guest, lambda: self.process_self)
        self._installed: set[str] = set()
        self._commands: dict[str, str] = {}
        self._handles: list[int] = []
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
        words = [os.fspath(word) for word in argv]
        command = Command(self.guest, self._command_path(words), words, surroundings)
        self._handles.append(command.handle)
        return command

    def install(self, path: str | os.PathLike[str], to: str | None = None) -> str:
        """Copy a program of the host, with all it needs to run, and return its path in the guest.

        That is the same as on the host, or *to*; what it needs stands at the same paths as here. A program
        that is installed again, having changed, is copied again.
        """
        program = absolute(path)
        entries = closure(program)
        target = to or str(program)
        if to:
            entries = (Entry(to, program), *(each for each in entries if each.source != program.resolve()))
        self._installed -= {target, str(program.resolve())}
        self._put(entries)
        self._commands[Path(target).name] = self._commands[target] = target
        return target

    def process(self, name: str | None = None, **identity: Unpack[Identity]) -> Process:
        """Start a process called *name* (default ``test``) that makes the system calls it is told to."""
        process = Process(self.guest, name or "test", identity)
        self._handles.append(process.handle)
        return process

    @property
    def process_self(self) -> Process:
        """A process of root, the same each time as long as it lives."""
        if "_root" in self.__dict__ and self._root.ended:
            del self.__dict__["_root"]
        return self._root

    @cached_property
    def _root(self) -> Process:
        return self.process()

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
        handles, self._handles = self._handles, []
        for kept in ("_root", "rtnetlink"):
            self.__dict__.pop(kept, None)
        kills = [("kill", {"process": handle}) for handle in handles]
        ends = [("wait", {"process": handle, "timeout_ms": 1000}) for handle in handles]
        # Most are gone by now, and answer so.
        self.guest.batch([*kills, *ends])

    def _command_path(self, argv: Sequence[str]) -> str:
        """Where the guest has a command, after it was copied there if need be."""
        name = argv[0] if argv else ""
        if known := self._commands.get(name) or (name if name in self.files.written else None):
            return known
        program = find_command(name)
        if program is None:
            if name.startswith("/"):
                return name  # made in the guest by other means, or nowhere, as the guest will tell
            raise CommandError(
                "no such command on this host, and none was installed",
                where=shown(argv) or "an empty argv",
                hint=f'install one: ebpf.guest.install(PATH, to="/usr/bin/{name}")' if name else None,
            )
        if str(program) in self.files.written:
            return str(program)
        self._put(closure(program))
        self._commands[name] = str(program)
        return str(program)

    def _put(self, entries: Sequence[Entry]) -> None:
        """Write those of *entries* that are not there yet, in as few messages as hold them."""
        calls: list[tuple[str, dict[str, object]]] = []
        size = 0
        for entry in entries:
            if entry.path in self._installed:
                continue
            for call, length in _writes(entry):
                if size + length > CHUNK:
                    self._send(calls)
                    calls, size = [], 0
                calls.append(call)
                size += length
        self._send(calls)
        self._installed |= {entry.path for entry in entries}

    def _send(self, calls: Sequence[tuple[str, dict[str, object]]]) -> None:
        for (_, args), answer in zip(calls, self.guest.batch(calls) if calls else [], strict=True):
            if isinstance(answer, CallError):
                raise CommandError(
                    f"cannot be copied into the guest ({answer.what})", where=str(args["path"])
                ) from answer


def _writes(entry: Entry) -> list[tuple[tuple[str, dict[str, object]], int]]:
    """The calls that make one entry, each with about the bytes it takes."""
    if entry.link:
        args = {"path": entry.path, "data": os.fsencode(entry.source), "link": True, "parents": True}
        return [(("write_file", args), 0)]
    data = entry.source.read_bytes()
    mode = entry.source.stat().st_mode & 0o7777
    chunks = range(0, max(len(data), 1), CHUNK)
    return [
        (
            (
                "write_file",
                write_arguments(entry.path, data[at : at + CHUNK], mode, parents=True, append=at > 0),
            ),
            min(CHUNK, len(data) - at),
        )
        for at in chunks
    ]
