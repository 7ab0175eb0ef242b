"""What a run may leave behind: processes, files, sockets. Nothing that it started may outlive it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

#: A variable of the environment by which a run's processes are known, whoever their parent is by now.
MARK = "TRACES_OF"


def processes(mark: str) -> dict[int, str]:
    """The processes, by their number, that have inherited ``TRACES_OF=mark``: their commands."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "comm").read_text().strip()
            except OSError:
                continue
    return found


def emulators(mark: str) -> set[int]:
    """Those that are emulators."""
    return {pid for pid, command in processes(mark).items() if command.startswith("qemu")}


def files(*folders: Path) -> set[Path]:
    """*folders* themselves and all there is below them."""
    return {path for folder in folders for path in (folder, *folder.rglob("*"))}


def eventually(condition: Callable[[], object], seconds: float) -> bool:
    """Whether *condition* comes true within *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
