"""Whether KVM works on this host, found by a bounded real start and remembered until the host reboots.

``/dev/kvm`` that opens is no proof: nested or restricted hosts have one on which no guest comes up.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pytest_ebpf.errors import MachineError
from pytest_ebpf.machine.qemu import Accelerator

Request = Literal["auto", "kvm", "tcg"]

#: Seconds in which a guest with working KVM is up many times over.
PROOF_TIMEOUT: Final = 10.0

_DEVICE: Final = Path("/dev/kvm")
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Choice:
    """The accelerator in use, and why not the faster one (empty for KVM, or when it was asked for)."""

    accelerator: Accelerator
    reason: str = ""


def choose(request: Request, prove: Callable[[], None], memory: Path) -> Choice:
    """Carry out *request*; for ``auto``, KVM if *prove* shows that it works, else TCG with the reason.

    *prove* starts a guest with KVM and raises :class:`MachineError` if it does not come up within
    :data:`PROOF_TIMEOUT`. Its answer is kept in the file *memory* for as long as the host is up. What else it
    raises (no emulator, no kernel) is no answer, and passes through.
    """
    if request == "tcg":
        return Choice("tcg")
    if problem := _device_problem():
        if request == "kvm":
            raise MachineError(problem, hint="use --ebpf-accelerator tcg, or give this user access to KVM")
        return Choice("tcg", problem)
    if request == "kvm":
        return Choice("kvm")
    found = _recall(memory)
    if found is None:
        found = _proof(prove)
        with suppress(OSError):  # a cache that may not be written: it is tried again the next time
            _remember(memory, found)
    return Choice("tcg", found) if found else Choice("kvm")


def _device_problem() -> str:
    if not _DEVICE.exists():
        return f"{_DEVICE} is not there"
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return f"{_DEVICE} may not be opened by this user"
    return ""


def _proof(prove: Callable[[], None]) -> str:
    try:
        prove()
    except MachineError as error:
        return f"{_DEVICE} is there but a guest does not come up with it ({error.what})"
    return ""


def _recall(memory: Path) -> str | None:
    """Return the problem found earlier in this boot of the host, "" for none, None for not known."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(memory.read_text())
        if kept["boot"] == _boot_id():
            return str(kept["problem"])
    return None


def _remember(memory: Path, problem: str) -> None:
    """Keep the answer; where it cannot be kept it is found anew by every run."""
    draft = memory.with_name(f"{memory.name}.{os.getpid()}")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps({"boot": _boot_id(), "problem": problem}))
        draft.replace(memory)
    except OSError:  # a full disk, or one that is not to be written
        with suppress(OSError):
            draft.unlink()


def _boot_id() -> str:
    return _BOOT_ID.read_text().strip()
