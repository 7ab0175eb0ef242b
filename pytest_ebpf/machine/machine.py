"""A running virtual machine: its process, the agent's port, its console, its wires."""

from __future__ import annotations

import errno
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from pytest_ebpf import process
from pytest_ebpf.errors import (
    DeadlineError,
    EbpfError,
    GuestLostError,
    KernelCrashedError,
    MachineError,
)
from pytest_ebpf.machine import waiting
from pytest_ebpf.machine.console import Console, complaint, splat
from pytest_ebpf.machine.monitor import Monitor
from pytest_ebpf.machine.qemu import CONSOLE, Channels
from pytest_ebpf.machine.starvation import Waits, kept_waiting, waits
from pytest_ebpf.machine.wires import WireEnd, pair

_SETPRIV_HINT: Final = "install it: sudo apt-get install util-linux"

#: Seconds that a machine which has hung up is given to end and to print its last words: a busy host may need
#: them where milliseconds will do.
_LAST_WORDS: Final = 10.0

_MOMENT: Final = 0.005

#: sysrq: print everything, then backtraces of active CPUs and tasks that are blocked.
_STACKS: Final = (b"8", b"l", b"w")

#: Seconds for all of it, for the first word, and without a word until the next may be asked for.
_STACKS_TIMEOUT: Final = 4.0
_FIRST_WORD: Final = 1.5
_QUIET: Final = 0.2

#: Seconds without an answer after which it is looked, again and again, whether the host is too busy for it.
_LOOK: Final = 1.0

#: Reads of 64 KiB from the console at a time.
_READS: Final = 64


class Machine:
    """A QEMU process, ended on exit from the ``with`` block or when this process dies.

    It is the byte stream (:class:`~pytest_ebpf.guest.Stream`) to the agent in it; while it waits for
    the port it takes in the console too, so that neither side ever blocks on the other.

    *starved* is how many seconds it was found to be kept from running by what else the host does.
    Deadlines are later by what is found while they are waited for.
    """

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        port: socket.socket,
        console: socket.socket,
        control: socket.socket,
        wires: Sequence[socket.socket] = (),
    ) -> None:
        self._process = child
        self._port = port
        self._console_socket = console
        self.monitor = Monitor(control)
        self._console = Console()
        self._received = bytearray()
        self.starved = 0.0
        self._poll = select.poll()
        self._poll.register(port, select.POLLIN)
        self._poll.register(console, select.POLLIN)
        self.wires = tuple(
            WireEnd(end, port=port, console=console, lost=self._lost, attend=self._drain_console)
            for end in wires
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id of the emulator."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the emulator still runs."""
        return self._process.poll() is None

    @property
    def console(self) -> str:
        """The newest of what the guest printed, as text."""
        self._drain_console()
        return self._console.text

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of *data* to the agent by *deadline*."""
        left = memoryview(data)
        while left:
            try:
                left = left[self._port.send(left) :]
            except BlockingIOError:
                self._poll.modify(self._port, select.POLLIN | select.POLLOUT)
                self._wait(deadline, "take a request")
                self._poll.modify(self._port, select.POLLIN)
            except OSError as error:
                raise self._lost() from error

    def receive(self, size: int, deadline: float) -> bytes:
        """Return exactly *size* bytes from the agent by *deadline*."""
        while len(self._received) < size:
            self._wait(deadline, "answer")
            self._take(max(size - len(self._received), 1 << 16))
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

    def stop(self) -> None:
        """End the machine now. Does nothing the second time."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._drain_console()
        self._port.close()
        self._console_socket.close()
        self.monitor.close()
        for wire in self.wires:
            wire.close()

    def _take(self, size: int) -> None:
        try:
            data = self._port.recv(size)
        except BlockingIOError:
            return
        except OSError as error:
            raise self._lost() from error
        if not data:
            raise self._lost()
        self._received += data

    def _wait(self, deadline: float, what: str) -> None:
        """Wait until the port has something, taking in the console meanwhile."""
        port = self._port.fileno()
        looked: Waits | None = None
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._overdue(what)
            ready = waiting.ready(self._poll, min(left, _LOOK))
            if not ready:
                before, looked = looked, waits(self.pid)
                kept = kept_waiting(before, looked) if before is not None else 0.0
                self.starved += kept
                deadline += kept
            if self._console_socket.fileno() in ready:
                self._drain_console()
            if port in ready:
                return

    def _overdue(self, what: str) -> EbpfError:
        """Say that time is over: the kernel has complained of what hangs, goes on, or is silent itself."""
        before = self.console
        self._ask_for_stacks()
        if found := splat(before):
            return KernelCrashedError(found, console=self.console)
        if self.console == before:
            return GuestLostError(
                f"the guest did not {what} in time, and its kernel is silent", console=before
            )
        return DeadlineError(f"the guest did not {what} in time", console=self.console)

    def _ask_for_stacks(self) -> None:
        """Have a kernel that does not answer print what its CPUs do and which tasks are blocked.

        Over the console, as a person would: a break and a letter (``Documentation/admin-guide/sysrq.rst``);
        if it is deaf to that, by an NMI, which it obeys with its interrupts off too (``unknown_nmi_panic``).
        """
        until = time.monotonic() + _STACKS_TIMEOUT
        before = self.console
        patience = _FIRST_WORD
        printing = select.poll()
        printing.register(self._console_socket, select.POLLIN)
        with suppress(EbpfError, OSError):  # it may be the emulator that does not answer
            for letter in _STACKS:
                self.monitor.ask("chardev-send-break", until, id=CONSOLE)
                self._console_socket.send(letter)
                while printing.poll(patience * 1000) and time.monotonic() < until:
                    patience = _QUIET
                    self._drain_console()
                patience = _QUIET
            if self.console == before:
                self.monitor.ask("inject-nmi", until)
                self._end()

    def _drain_console(self) -> None:
        for _ in range(_READS):  # a guest that never stops printing must not keep us here
            if self._console_socket.fileno() < 0:
                return
            try:
                data = self._console_socket.recv(1 << 16)
            except OSError:  # nothing there for now, or the emulator is gone
                return
            if not data:
                self._poll.unregister(self._console_socket)
                self._console_socket.close()
                return
            self._console.append(data)

    def _end(self) -> None:
        """Let the emulator end by itself if it does so soon."""
        deadline = time.monotonic() + _LAST_WORDS
        while self.alive and time.monotonic() < deadline:
            self._drain_console()  # or it would wait for room there
            time.sleep(_MOMENT)
        if self.alive:
            self._process.kill()
        self._process.wait()

    def _lost(self) -> EbpfError:
        """Say why the port hung up: the kernel died, or we do not know."""
        self._end()
        text = self.console
        if found := splat(text):
            return KernelCrashedError(found, console=text)
        why = complaint(text) or _ending(self._process.returncode)
        return GuestLostError(f"the machine ended ({why})", console=text)


def spawn(
    command: Callable[[Channels], Sequence[str]], *, wires: int = 0, inherited: Sequence[int] = ()
) -> Machine:
    """Start the emulator that *command* gives for its channels; *inherited* are further descriptors it needs.

    The kernel ends it when this process dies, however that happens (``PR_SET_PDEATHSIG``).
    :class:`MachineError` if it cannot be started.
    """
    setpriv = str(process.find(["setpriv"], hint=_SETPRIV_HINT))
    pairs: list[tuple[socket.socket, socket.socket]] = []
    try:
        pairs += (socket.socketpair() for _ in range(3))
        pairs += (pair() for _ in range(wires))
        theirs = [end.fileno() for _, end in pairs]
        channels = Channels(theirs[0], theirs[1], theirs[2], wires=tuple(theirs[3:]))
        child = subprocess.Popen(
            [setpriv, "--pdeathsig", "KILL", "--", *command(channels)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # QEMU's own complaints stand with what the guest printed
            stderr=channels.console,
            pass_fds=(*theirs, *inherited),
            # Ctrl-C on a terminal is for this process, which decides what ends; a debugger survives it
            process_group=0,
        )
    except OSError as error:
        for ours, _ in pairs:
            ours.close()
        raise not_started(error) from error
    finally:
        for _, end in pairs:
            end.close()
    port, console, control, *ends = (ours for ours, _ in pairs)
    port.setblocking(False)
    console.setblocking(False)
    return Machine(child, port, console, control, ends)


def not_started(error: OSError) -> MachineError:
    """Say that this host lacks what it takes to start a machine, which says nothing of a program."""
    few = error.errno in {errno.EMFILE, errno.ENFILE}
    return MachineError(
        f"the emulator cannot be started ({error.strerror or error})",
        hint="allow more open files: ulimit -n 1024" if few else None,
    )


def _ending(status: int | None) -> str:
    if status is None:
        return "still running"
    if status < 0:
        with suppress(ValueError):  # a real-time signal has no name
            return f"killed by {signal.Signals(-status).name}"
        return f"killed by signal {-status}"
    return f"exit status {status}"
