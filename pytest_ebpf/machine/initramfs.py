"""The guest's whole file system: the agent as ``/init`` and the kernel modules it loads."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pytest_ebpf.errors import MachineError
from pytest_ebpf.kernels import Kernel
from pytest_ebpf.machine import cpio

#: What the agent needs to be reached, where the kernel does not have it built in.
TRANSPORT: Final = ("virtio_pci", "virtio_console")

_FOLDERS: Final = ("dev", "proc", "sys", "tmp", "run", "modules")


def initramfs(kernel: Kernel, agent: Path) -> bytes:
    """Return the archive to boot *kernel* with; :class:`MachineError` if the agent has not been built."""
    try:
        init = agent.read_bytes()
    except OSError as error:
        raise MachineError(
            f"the guest agent is not there ({error.strerror})", where=str(agent), hint="run: make agent"
        ) from error
    modules = kernel.module_order(TRANSPORT)
    entries = [cpio.directory(folder) for folder in _FOLDERS]
    entries.append(cpio.character_device("dev/console", 5, 1))
    entries.append(cpio.file("init", init, executable=True))
    entries += [cpio.file(f"modules/{module.name}", module.read_bytes()) for module in modules]
    listed = "".join(f"/modules/{module.name}\n" for module in modules)
    entries.append(cpio.file("modules.list", listed.encode()))
    return cpio.archive(entries)
