"""A machine saved while it waits for its first call, and as many as are wanted that go on from there.

The memory is a file, shared with the machine while it is saved, private (copy on write) to each that is
restored; the rest of its state is some 370 kB. As Kata Containers' VM templates do it.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from pytest_ebpf.errors import EbpfError, InfrastructureError
from pytest_ebpf.guest import CallError, Guest, Ticket
from pytest_ebpf.machine import monitor
from pytest_ebpf.machine.boot import boot
from pytest_ebpf.machine.machine import Machine, not_started, spawn
from pytest_ebpf.machine.qemu import Ram, command_line
from pytest_ebpf.machine.recipe import Recipe
from pytest_ebpf.machine.sparse import extents

_RAM: Final = "ram"
_STATE: Final = "state"
_FACTS: Final = "snapshot.json"

#: Seconds to write the state, and bytes of fresh randomness for each machine.
SAVE_TIMEOUT: Final = 60.0
_ENTROPY: Final = 64

#: How reading JSON of another shape fails.
_NO_DESCRIPTION: Final = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)

#: What this host is short of, whatever the state of a snapshot.
_SHORT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})

_CHUNK: Final = 64 << 10


class DamagedSnapshotError(InfrastructureError):
    """A snapshot is not as it was written, or does not come up."""


@dataclass(frozen=True)
class Snapshot:
    """The files in *folder*, from which machines of *recipe* can be restored."""

    folder: Path
    recipe: Recipe

    inherited: ClassVar[tuple[int, ...]] = ()

    @property
    def ram(self) -> Path:
        """The memory."""
        return self.folder / _RAM

    @property
    def state(self) -> Path:
        """The rest of the machine's state."""
        return self.folder / _STATE

    def check(self) -> None:
        """:class:`DamagedSnapshotError` unless the files are those that were written.

        Their contents are read only where size or time differ from what was noted.
        """
        try:
            facts: dict[str, Any] = json.loads((self.folder / _FACTS).read_text())
            noted = {name: (int(size), int(at), int(crc)) for name, (size, at, crc) in facts.items()}
            ram, state = noted[_RAM], noted[_STATE]
        except OSError as error:
            raise _unreadable("its description", error) from error
        except _NO_DESCRIPTION as error:
            why = type(error).__name__
            raise DamagedSnapshotError(f"its description cannot be read ({why})") from error
        _check(self.ram, *ram)
        _check(self.state, *state)


def save(recipe: Recipe, folder: Path, *, timeout: float) -> Snapshot:
    """Boot a machine of *recipe*, save it in *folder* as it waits for its first call, and end it.

    :class:`MachineError` when it does not come up within *timeout* seconds or cannot be saved.
    """
    with boot(recipe, timeout=timeout, ram=Ram(folder / _RAM, shared=True)) as machine:
        Guest(machine, timeout=timeout).call("warm")  # done here once, not by each machine restored
        return write(machine, recipe, folder)


def write(machine: Machine, recipe: Recipe, folder: Path) -> Snapshot:
    """Save *machine*, whose memory is the shared file in *folder*, there and end it."""
    state = os.open(folder / _STATE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        monitor.save(machine.monitor, state, time.monotonic() + SAVE_TIMEOUT)
    finally:
        os.close(state)
    machine.stop()
    facts = {name: _stamp(folder / name) for name in (_RAM, _STATE)}
    (folder / _FACTS).write_text(json.dumps(facts))
    return Snapshot(folder, recipe)


@dataclass(frozen=True)
class Waking:
    """A machine on its way up from a snapshot; it has been told the time and will say hello."""

    machine: Machine
    guest: Guest
    _ticket: Ticket

    def ready(self, timeout: float) -> tuple[Machine, Guest]:
        """Wait for it at most *timeout* seconds; :class:`DamagedSnapshotError` if it does not come up."""
        try:
            for answer in self.guest.collect(self._ticket, timeout):
                _expect(answer)
            for wire in self.machine.wires:
                wire.drop()  # what the machine was about to send when it was saved
        except EbpfError as error:
            self.machine.stop()
            raise DamagedSnapshotError(f"it does not come up ({error.what})") from error
        except BaseException:
            self.machine.stop()
            raise
        return self.machine, self.guest


class Source(Protocol):
    """What a machine can be restored from: a snapshot on disk, or a template in memory."""

    @property
    def recipe(self) -> Recipe:
        """What the machine is."""

    @property
    def ram(self) -> Path:
        """Its memory, in a process that has inherited :attr:`inherited`."""

    @property
    def state(self) -> Path:
        """The rest of its state."""

    @property
    def inherited(self) -> tuple[int, ...]:
        """Descriptors to be inherited."""


def restore(
    source: Source, *, call_timeout: float, ram: Ram | None = None, inherited: tuple[int, ...] = ()
) -> Waking:
    """Start a machine from *source* and return at once.

    *ram*, with the descriptors *inherited* that it needs, replaces the private copy of its memory.
    :class:`DamagedSnapshotError` if it does not start, :class:`~pytest_ebpf.errors.MachineError` where none
    would.
    """
    recipe = source.recipe
    memory = ram or Ram(source.ram, shared=False)
    try:
        state = os.open(source.state, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _unreadable("its state", error) from error
    try:
        machine = spawn(
            lambda channels: command_line(recipe.qemu, recipe.config, channels, boot=None, ram=memory),
            wires=recipe.config.wires,
            inherited=[state, *source.inherited, *inherited],
        )
        monitor.restore(machine.monitor, state)
    finally:
        os.close(state)
    guest = Guest(machine, timeout=call_timeout)
    wake = ("wake", {"realtime_ns": time.time_ns(), "entropy": secrets.token_bytes(_ENTROPY)})
    try:
        return Waking(machine, guest, guest.post([wake, ("klog", {"clear": True})], call_timeout))
    except EbpfError as error:
        machine.stop()
        raise DamagedSnapshotError(f"it does not come up ({error.what})") from error


def _expect(answer: object) -> None:
    if isinstance(answer, CallError):
        raise answer


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, _checksum(path)]


def _check(path: Path, size: int, modified: int, checksum: int) -> None:
    try:
        status = path.stat()
        if status.st_size != size:
            raise DamagedSnapshotError(f"{path.name} has {status.st_size} bytes, not {size}")
        if status.st_mtime_ns != modified:  # changed, or copied with its time rounded
            if _checksum(path) != checksum:
                raise DamagedSnapshotError(f"{path.name} was changed")
            os.utime(path, ns=(modified, modified))
    except OSError as error:
        raise _unreadable(path.name, error) from error
    except OverflowError as error:
        raise DamagedSnapshotError(f"{path.name} cannot be read ({error})") from error


def _unreadable(what: str, error: OSError) -> EbpfError:
    """Tell a file of a snapshot that is damaged from a host that is short of something."""
    if error.errno in _SHORT:
        return not_started(error)
    return DamagedSnapshotError(f"{what} cannot be read ({error.strerror})")


def _checksum(path: Path) -> int:
    """Return the CRC-32 of the chunks that are not all zero: it guards against damage, not against malice.

    Wherever a copy has its holes, it is the same.
    """
    checksum, done = 0, 0
    zeros = bytes(_CHUNK)
    with path.open("rb", buffering=0) as stream:
        for start, end in extents(stream.fileno()):
            for at in range(max(done, start - start % _CHUNK), end, _CHUNK):
                chunk = os.pread(stream.fileno(), _CHUNK, at)
                if chunk != zeros[: len(chunk)]:
                    checksum = zlib.crc32(chunk, zlib.crc32(at.to_bytes(8, "little"), checksum))
                done = at + _CHUNK
    return checksum
