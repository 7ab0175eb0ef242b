"""Work on several machines at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def side_by_side(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Return the results of *tasks*, as many at once as there are processors.

    Its threads are daemons, unlike those of a pool: after Ctrl-C nobody waits for them, and machines end
    with the thread that started them.
    """
    futures: list[Future[T]] = [Future() for _ in tasks]
    todo: SimpleQueue[tuple[Future[T], Callable[[], T]]] = SimpleQueue()
    for each in zip(futures, tasks, strict=True):
        todo.put(each)

    def work() -> None:
        while not todo.empty():
            with suppress(Empty):
                future, task = todo.get_nowait()
                try:
                    future.set_result(task())
                except BaseException as error:  # raised again where it is asked for
                    future.set_exception(error)

    for _ in range(min(len(tasks), os.cpu_count() or 1)):
        Thread(target=work, daemon=True).start()
    return [future.result() for future in futures]
