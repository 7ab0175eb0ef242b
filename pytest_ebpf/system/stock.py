"""What a guest has been given of the host's programs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from pytest_ebpf.errors import CommandError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.system.commands import shown
from pytest_ebpf.system.files import CHUNK, write_arguments
from pytest_ebpf.system.install import Entry, absolute, closure, find_command

_Write = tuple[str, dict[str, Any]]


@dataclass
class _Record:
    """What is in one guest: paths of copies, commands by name, and paths that tests wrote."""

    there: set[str] = field(default_factory=set)
    commands: dict[str, str] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)


#: Machines that tests share keep their files from one test to the next.
_RECORDS: Final[WeakKeyDictionary[Guest, _Record]] = WeakKeyDictionary()


class Stock:
    """The files of *guest* that tests put there: programs of the host, and what tests wrote themselves."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        record = _RECORDS.setdefault(guest, _Record())
        self._there = record.there
        self._commands = record.commands
        #: Paths that tests wrote, which are not to be overwritten with what the host has there.
        self.written = record.written

    def command(self, argv: Sequence[str]) -> str:
        """Return the path of a command in the guest, after it was copied there if need be."""
        name = argv[0]
        if known := self._commands.get(name) or (name if name in self.written else None):
            return known
        program = find_command(name)
        if program is None:
            if name.startswith("/"):
                return name  # made in the guest by other means, or nowhere, as the guest will tell
            raise _no_command(argv)
        if str(program) not in self.written:
            self._put(closure(program))
        self._commands[name] = str(program)
        return str(program)

    def install(self, path: str | os.PathLike[str], to: str | None) -> str:
        """Copy a program and what it needs, see ``System.install``."""
        program = _program(path)
        entries, target = closure(program), to or str(program)
        if to:
            real = program.resolve()
            entries = (Entry(to, real), *(each for each in entries if each.source != real))
        self._there -= {target, str(program.resolve())}
        self._put(entries)
        self._commands[target] = self._commands[Path(target).name] = target
        return target

    def _put(self, entries: Sequence[Entry]) -> None:
        """Write those of *entries* that are not there yet, in as few messages as hold them."""
        missing = [entry for entry in entries if entry.path not in self._there]
        calls: list[_Write] = []
        size = 0
        for call in (call for entry in missing for call in _writes(entry)):
            length = len(call[1]["data"])
            if size + length > CHUNK:
                self._send(calls)
                calls, size = [], 0
            calls.append(call)
            size += length
        self._send(calls)
        self._there |= {entry.path for entry in missing}

    def _send(self, calls: Sequence[_Write]) -> None:
        answers = self._guest.batch(calls) if calls else []
        for (_, args), answer in zip(calls, answers, strict=True):
            if isinstance(answer, CallError):
                what = f"cannot be copied into the guest ({answer.what})"
                raise CommandError(what, where=args["path"]) from answer


def _no_command(argv: Sequence[str]) -> CommandError:
    name, where = argv[0], shown(argv)
    if "/" in name:
        return CommandError("no such file on this host", where=where, hint="build it, or correct the path")
    return CommandError(
        "no such command on this host, and none was installed",
        where=where,
        hint=f'install one: ebpf.guest.install(PATH, to="/usr/bin/{name}")',
    )


def _program(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, str) or "/" in path:
        return absolute(path)
    if found := find_command(path):
        return found
    raise CommandError("no such command on this host", where=path, hint="give the path of a file")


def _writes(entry: Entry) -> Iterator[_Write]:
    """The calls that make one entry: programs that run keep the file that they run from."""
    if entry.link:
        target = os.fsencode(entry.source)
        yield "write_file", write_arguments(entry.path, target, link=True, parents=True)
        return
    data = entry.source.read_bytes()
    mode = entry.source.stat().st_mode & 0o7777
    yield "write_file", write_arguments(entry.path, data[:CHUNK], mode, parents=True, replace=True)
    for at in range(CHUNK, len(data), CHUNK):
        yield "write_file", write_arguments(entry.path, data[at : at + CHUNK], append=True)
