"""Record what kernels say of the programs in tests/vm/data/mistakes.

It is kept as tests/unit/data/verifier/KERNEL/NAME.log. Run it for a new mistake, or for a new kernel:
``python tests/support/record_refusals.py [KERNEL...]``.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mistakes import OBJECTS, compiled

from pytest_ebpf import paths
from pytest_ebpf.bpf import LoadOptions, load
from pytest_ebpf.errors import EbpfError
from pytest_ebpf.guest import CallError, Guest
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.machine import MachineConfig, Recipe, boot
from pytest_ebpf.objects import read_object

KERNELS: Final = ("5.10", "6.1", "6.12", "6.18", "7.2", "7.3")
TARGET: Final = Path(__file__).resolve().parents[1] / "unit" / "data" / "verifier"

#: Bytes that are kept of a log, the last: enough for any reason, and as a guest cuts one of megabytes.
KEPT: Final = 24_000


def refusals(guest: Guest, path: Path) -> Iterator[tuple[str, str]]:
    """The programs of the object at *path* that the kernel refuses, each with the log of its load."""
    facts = read_object(path)
    for name in (program.name for program in facts.programs):
        try:
            loaded = load(
                guest, path.read_bytes(), facts, name=name, options=LoadOptions(autoload={name: True})
            )
        except EbpfError as error:
            cause = error.__cause__
            if not isinstance(cause, CallError):
                raise
            yield name, cause.details.get("log", "")
        else:
            loaded.close()


def kept(log: str) -> str:
    """The end of *log*, from the beginning of a line on."""
    return log if len(log) <= KEPT else log[-KEPT:].partition("\n")[2]


def record(line: str, objects: list[Path]) -> None:
    """Write what the kernel *line* says."""
    folder = TARGET / line
    folder.mkdir(parents=True, exist_ok=True)
    machine = boot(Recipe(KernelStore(lock=None).get(line), paths.agent(), MachineConfig()), timeout=120)
    try:
        for path in objects:
            for name, log in refusals(Guest(machine, timeout=120), path):
                (folder / f"{name}.log").write_text(kept(log))
    finally:
        machine.stop()
    sys.stdout.write(f"{line}: {len(list(folder.iterdir()))} logs\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        built = [compiled(name, Path(made)) for name in OBJECTS]
        for each in sys.argv[1:] or KERNELS:
            record(each, built)
