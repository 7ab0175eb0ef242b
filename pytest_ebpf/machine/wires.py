"""Wires: our ends of what the machine's NICs are plugged into. A frame is a datagram of a Unix socket."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import Final

from pytest_ebpf.errors import EbpfError
from pytest_ebpf.machine import waiting

#: Bytes of frames on their way, in each direction, as far as the host allows (``net.core.wmem_max``).
_BUFFER: Final = 4 << 20

#: Frames that are dropped at once.
_MOST: Final = 100_000

#: The longest frame that the emulator takes or gives (``NET_BUFSIZE`` of its ``include/net/net.h``).
LONGEST: Final = 4096 + 65536


def pair() -> tuple[socket.socket, socket.socket]:
    """Return our end of a new wire, which does not block, and the emulator's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in (ours, theirs):  # the sender's buffer counts; a full one makes it wait, so nothing is lost
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    ours.setblocking(False)
    return ours, theirs


class WireEnd:
    """Our end of a wire. Deadlines are in seconds of ``time.monotonic()``.

    :attr:`sent` is how many frames the guest was sent in its life. *lost* is called when the machine hangs
    up, *attend* when the console has something: the machine must not stop because nobody reads what it says.
    """

    def __init__(
        self,
        end: socket.socket,
        *,
        port: socket.socket,
        console: socket.socket,
        lost: Callable[[], EbpfError],
        attend: Callable[[], None],
    ) -> None:
        self.sent = 0
        self._end = end
        self._port = port.fileno()
        self._lost = lost
        self._attend = attend
        self._poll = select.poll()
        self._poll.register(end, select.POLLIN)
        self._poll.register(port, 0)  # whether it hung up is always told
        self._poll.register(console, select.POLLIN)

    def offer(self, frame: bytes) -> bool:
        """Send *frame* if there is room for it now."""
        try:
            self._end.send(frame)
        except BlockingIOError:
            return False
        except OSError as error:
            raise self._lost() from error
        self.sent += 1
        return True

    def make_room(self, deadline: float) -> bool:
        """Wait until there is room for a frame, or one has come; false when time is over."""
        self._poll.modify(self._end, select.POLLIN | select.POLLOUT)
        try:
            return self._wait(deadline)
        finally:
            self._poll.modify(self._end, select.POLLIN)

    def take(self) -> bytes | None:
        """Return the next frame if there is one now."""
        try:
            return self._end.recv(LONGEST)
        except BlockingIOError:
            return None
        except OSError as error:
            raise self._lost() from error

    def receive(self, deadline: float) -> bytes | None:
        """Return the next frame, None if none comes until *deadline*."""
        while (frame := self.take()) is None:
            if not self._wait(deadline):
                return None
        return frame

    def drop(self) -> None:
        """Drop what has come and was not read."""
        for _ in range(_MOST):  # a guest that never stops sending must not keep us here
            if self.take() is None:
                break

    def close(self) -> None:
        """Pull the plug."""
        self._end.close()

    def _wait(self, deadline: float) -> bool:
        """Wait until the wire is ready; false when time is over. What has come is taken before all else."""
        while True:
            left = deadline - time.monotonic()
            ready = waiting.ready(self._poll, max(0.0, left))
            if self._end.fileno() in ready:
                return True
            if self._port in ready:
                raise self._lost()
            if ready:
                self._attend()
            elif left <= 0:
                return False
