"""A machine saved after it has answered some calls, kept in memory for as long as the run lasts.

A snapshot on disk is of a kernel that waits for its first call. Where the first calls of many tests are the
same (loading an object takes 0.1 to 0.4 s emulated, as the kernel's code is translated anew in each machine),
a template is a snapshot taken after them, with what they answered.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_ebpf.guest.wire import Call
from pytest_ebpf.machine import monitor
from pytest_ebpf.machine.qemu import Ram
from pytest_ebpf.machine.recipe import Recipe
from pytest_ebpf.machine.snapshot import SAVE_TIMEOUT, Snapshot, restore
from pytest_ebpf.machine.sparse import extents


@dataclass(frozen=True)
class Template:
    """Memory and state of a machine, in files without a name; *answers* to the calls made before.

    *size* is the bytes of memory it takes. Machines restored from it outlive it.
    """

    recipe: Recipe
    answers: tuple[Any, ...]
    size: int
    _ram: int
    _state: int

    @property
    def ram(self) -> Path:
        """The memory, as a path in a process that inherits it."""
        return _path(self._ram)

    @property
    def state(self) -> Path:
        """The rest of the state, as a path in this process."""
        return _path(self._state)

    @property
    def inherited(self) -> tuple[int, ...]:
        """Descriptors that a machine needs to open :attr:`ram`."""
        return (self._ram,)

    def close(self) -> None:
        """Give the memory back."""
        os.close(self._ram)
        os.close(self._state)


def make(base: Snapshot, calls: Sequence[Call], *, wake_timeout: float, call_timeout: float) -> Template:
    """Restore *base*, carry out *calls*, and save the machine as it is then.

    Raises what :func:`~pytest_ebpf.machine.snapshot.restore` does, the first
    :class:`~pytest_ebpf.guest.CallError` of *calls*, and :class:`OSError` if there is no memory for it.
    """
    with ExitStack() as undo:
        ram, state = _memory(undo, "ram"), _memory(undo, "state")
        size = _copy(base.ram, ram)
        waking = restore(base, call_timeout=call_timeout, ram=Ram(_path(ram), shared=True), inherited=(ram,))
        with waking.machine as machine:
            _, guest = waking.ready(wake_timeout)
            answers = tuple(guest.call(op, **arguments) for op, arguments in calls)
            monitor.save(machine.monitor, state, time.monotonic() + SAVE_TIMEOUT)
        undo.pop_all()
        return Template(base.recipe, answers, size, ram, state)


def _memory(undo: ExitStack, name: str) -> int:
    """Return a new file in memory, closed with *undo*."""
    descriptor = os.memfd_create(name)
    undo.callback(os.close, descriptor)
    return descriptor


def _path(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}")


def _copy(source: Path, target: int) -> int:
    """Copy a file with its holes and return how many bytes are not in holes."""
    copied = 0
    with source.open("rb", buffering=0) as stream:
        os.ftruncate(target, source.stat().st_size)
        for start, stop in extents(stream.fileno()):
            os.lseek(target, start, os.SEEK_SET)
            at = start
            while at < stop and (sent := os.sendfile(target, stream.fileno(), at, stop - at)):
                at += sent
            copied += at - start
    return copied
