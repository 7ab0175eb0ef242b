"""The emulator's own control channel (QMP), as far as a machine is saved and restored with it.

Source: ``docs/interop/qmp-spec.rst`` and ``qapi/migration.json`` of QEMU.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from pytest_ebpf.errors import DeadlineError, MachineError

#: Bytes of one reply; the longest we ask for has some hundred.
_LONGEST: Final = 1 << 20

_MOMENT: Final = 0.002

#: Seconds in which the emulator takes a command of some hundred bytes many times over.
_PATIENCE: Final = 5.0

_NOT_QMP: Final = "the emulator's monitor does not speak QMP"


class Monitor:
    """Commands to a running emulator over *control*."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._buffer = b""
        self._unread = 0
        self.tell("qmp_capabilities")

    def tell(self, command: str, **arguments: object) -> None:
        """Send a command; what it answers is read and dropped by the next :meth:`ask`.

        An emulator that is gone already is no error here: its port will tell, with what it complained of.
        """
        with suppress(MachineError):
            self._send(command, arguments, ())
            self._unread += 1

    def ask(
        self, command: str, deadline: float, *, descriptors: Sequence[int] = (), **arguments: object
    ) -> dict[str, Any]:
        """Carry out a command by *deadline* and return its answer; *descriptors* go with it.

        :class:`MachineError` if the emulator refuses it.
        """
        self._send(command, arguments, descriptors)
        for _ in range(self._unread):
            self._answer(deadline)
        self._unread = 0
        answer = self._answer(deadline)
        if "error" in answer:
            error = answer["error"]
            reason = error.get("desc") if isinstance(error, dict) else None
            raise MachineError(f"the emulator refuses {command} ({reason or 'no reason'})")
        returned = answer["return"]
        return returned if isinstance(returned, dict) else {}

    def close(self) -> None:
        """Give the channel up."""
        self._control.close()

    def _send(self, command: str, arguments: dict[str, object], descriptors: Sequence[int]) -> None:
        message = json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n"
        self._control.settimeout(_PATIENCE)
        try:
            socket.send_fds(self._control, [message], list(descriptors))
        except TimeoutError as error:
            raise DeadlineError("the emulator's monitor does not read") from error
        except OSError as error:
            raise MachineError(f"the emulator is gone ({error.strerror})") from error

    def _answer(self, deadline: float) -> dict[str, Any]:
        """Return the next answer; greetings and events in between do not matter."""
        while True:
            line = self._line(deadline)
            try:
                message = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise MachineError(_NOT_QMP) from error
            if isinstance(message, dict) and ("return" in message or "error" in message):
                return message

    def _line(self, deadline: float) -> bytes:
        while (left := deadline - time.monotonic()) > 0 and b"\n" not in self._buffer:
            if len(self._buffer) > _LONGEST:
                raise MachineError(_NOT_QMP)
            self._control.settimeout(left)
            try:
                data = self._control.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError as error:
                raise MachineError(f"the emulator is gone ({error.strerror})") from error
            if not data:
                raise MachineError("the emulator is gone")
            self._buffer += data
        if left <= 0:
            raise DeadlineError("the emulator's monitor did not answer in time")
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line


def save(monitor: Monitor, state: int, deadline: float) -> None:
    """Write the state of the machine, without its memory, to descriptor *state* and leave it stopped.

    Its memory is in a shared file already (``x-ignore-shared``, as Kata Containers' VM templates do).
    """
    monitor.ask("migrate-set-capabilities", deadline, **_IGNORE_SHARED)
    monitor.ask("getfd", deadline, descriptors=[state], fdname="state")
    monitor.ask("migrate", deadline, uri="fd:state")
    while (status := monitor.ask("query-migrate", deadline).get("status")) != "completed":
        if status in ("failed", "cancelled"):
            raise MachineError(f"the machine could not be saved ({status})")
        time.sleep(_MOMENT)


def restore(monitor: Monitor, state: int) -> None:
    """Have the machine, started to wait for it, go on from what :func:`save` wrote to descriptor *state*."""
    monitor.tell("migrate-set-capabilities", **_IGNORE_SHARED)
    # or it would send frames of its own over the wires, that switches learn where the machine is now
    monitor.tell("migrate-set-parameters", **{"announce-rounds": 0})
    monitor.tell("migrate-incoming", uri=f"fd:{state}")


_IGNORE_SHARED: Final[dict[str, Any]] = {"capabilities": [{"capability": "x-ignore-shared", "state": True}]}
