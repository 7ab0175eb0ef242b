"""A line at the bottom of a terminal that tells what is being done, how far it is, for how long."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, RLock, Thread
from types import TracebackType
from typing import ClassVar, Self


class ProgressLine:
    """Draws the line while a ``with`` block lasts, and takes it away at its end.

    *draw* shows a text in the place of the one before; "" takes it away. It is called by a thread of ours,
    one call at a time.
    """

    #: Seconds of work before anything is shown, and between two times that the line is drawn.
    patience: ClassVar[float] = 0.5
    tick: ClassVar[float] = 0.2

    def __init__(self, what: str, draw: Callable[[str], None]) -> None:
        self._what = what
        self._draw = draw
        self._far = ""
        self._start = time.monotonic()
        self._shown = False
        self._over = Event()
        self._lock = RLock()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self.above(lambda: None)

    def tell(self, far: str) -> None:
        """Say how far it is: ``2 of 5``."""
        self._far = far

    def above(self, write: Callable[[], None]) -> None:
        """Have *write* write lines that stay, above this one."""
        with self._lock:
            if self._shown:
                self._draw("")
                self._shown = False
            write()

    @property
    def _text(self) -> str:
        far = f": {self._far}" if self._far else ""
        return f"{self._what}{far} [{time.monotonic() - self._start:.0f} s]"

    def _run(self) -> None:
        pause = self.patience
        while not self._over.wait(pause):
            pause = self.tick
            with self._lock:
                self._draw(self._text)
                self._shown = True
