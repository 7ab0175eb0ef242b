"""Faults inside a guest: machine code put in the place of a kernel function that nobody has called yet.

The guest's memory is the emulator's, and the emulator is our child: its memory can be written through
``/proc/PID/mem``. The function is the handler of SysRq "m", which a write to ``/proc/sysrq-trigger`` calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

VICTIM = "sysrq_handle_showmem"

#: Machine code by what it does to the kernel.
CODE = {
    "invalid opcode": bytes.fromhex("0f0b"),  # ud2
    "null pointer": bytes.fromhex("31c0 488b00 c3"),  # mov rax, [0]
    "no interrupts": bytes.fromhex("fa f4 ebfd"),  # cli; hlt; again
    "endless loop": bytes.fromhex("fb ebfe"),  # sti; jmp self
    "stack overflow": bytes.fromhex("50 ebfd"),  # push rax; again
    "triple fault": bytes.fromhex("6a00 6a00 0f011c24 cc"),  # lidt [0, 0]; int3
}

#: Arguments of __warn() (kernel/panic.c) all zero: no file, no registers, no text of its own.
_NO_ARGUMENTS = bytes.fromhex("31ff 31f6 31d2 31c9 4531c0 4531c9")


def poison(pid: int, call: Callable[..., bytes], what: str) -> None:
    """Prepare the guest of the emulator *pid*, reached by *call*: :func:`swallow` will do *what* it says.

    *what* is a key of :data:`CODE`, or "warning" for a call of the kernel's own ``__warn()``.
    """
    symbols = call("read_file", path="/proc/kallsyms", limit=32 << 20).decode()
    text, victim, warn = (_address(symbols, name) for name in ("_text", VICTIM, "__warn"))
    areas = call("read_file", path="/proc/iomem").decode()
    loaded_at = int(re.search(r"([0-9a-f]+)-[0-9a-f]+ : Kernel code", areas)[1], 16)
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
        memory.seek(_memory_of(pid) + loaded_at + victim - text)
        memory.write(_jump_to(warn, victim) if what == "warning" else CODE[what])


def swallow(call: Callable[..., object]) -> None:
    """Have the guest run what :func:`poison` put there."""
    call("write_file", path="/proc/sysrq-trigger", data=b"m")


def _address(symbols: str, name: str) -> int:
    return int(re.search(rf"^([0-9a-f]+) \w {name}$", symbols, re.MULTILINE)[1], 16)


def _jump_to(target: int, start: int) -> bytes:
    distance = target - (start + len(_NO_ARGUMENTS) + 5)
    return _NO_ARGUMENTS + b"\xe9" + (distance & 0xFFFFFFFF).to_bytes(4, "little")


def _memory_of(pid: int, size: int = 256 << 20) -> int:
    """Where the emulator has mapped the *size* bytes of its guest's memory."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        start, end = (int(word, 16) for word in line.split()[0].split("-"))
        if end - start == size:
            return start
    raise LookupError(f"process {pid} has no mapping of {size} bytes")
