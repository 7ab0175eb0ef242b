"""All that makes a machine what it is, and the one number that stands for it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from pytest_ebpf import process
from pytest_ebpf.kernels import Kernel
from pytest_ebpf.machine import processor
from pytest_ebpf.machine.initramfs import initramfs
from pytest_ebpf.machine.qemu import Boot, Channels, MachineConfig, command_line

_QEMU: Final = ("qemu-system-x86_64", "qemu-kvm")
_QEMU_HINT: Final = "install it: sudo apt-get install qemu-system-x86"

#: Counts up when snapshots are written in another way.
_FORMAT: Final = 2


def find_qemu() -> Path:
    """Return the emulator; :class:`~pytest_ebpf.errors.ToolError` if there is none."""
    return process.find(_QEMU, hint=_QEMU_HINT)


@dataclass(frozen=True)
class Recipe:
    """A kernel, the agent and a machine to run them on."""

    kernel: Kernel
    agent: Path
    config: MachineConfig

    @cached_property
    def qemu(self) -> Path:
        """The emulator."""
        return find_qemu()

    @cached_property
    def _initramfs(self) -> bytes:
        return initramfs(self.kernel, self.agent, wires=self.config.wires)

    @cached_property
    def key(self) -> str:
        """A digest of everything that a snapshot of this machine depends on.

        Kernel, modules, agent, emulator, its arguments, the accelerator among them, and the host's CPU.
        """
        emulator = self.qemu.resolve()
        status = emulator.stat()
        nowhere = Boot(Path(), Path())
        channels = Channels(0, 0, 0, wires=(0,) * self.config.wires)
        made_of = {
            "format": _FORMAT,
            "kernel": self.kernel.sha256,
            "initramfs": hashlib.sha256(self._initramfs).hexdigest(),
            "emulator": [str(emulator), status.st_size, status.st_mtime_ns],
            "arguments": command_line(emulator, self.config, channels, boot=nowhere),
            "cpu": processor.seen(),
        }
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]

    def open_initramfs(self) -> int:
        """Return a descriptor of the initramfs in memory: no file is left behind, whatever happens."""
        descriptor = os.memfd_create("initramfs")
        with os.fdopen(os.dup(descriptor), "wb") as image:
            image.write(self._initramfs)
        return descriptor
