"""The guest's whole file system: the agent as ``/init`` and the kernel modules there are, with an index.

Where it is known, the kernel's configuration is in it too, at the place where libbpf looks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pytest_ebpf import paths
from pytest_ebpf.errors import MachineError
from pytest_ebpf.kernels import Kernel
from pytest_ebpf.machine import cpio

#: What the agent needs to be reached, where the kernel does not have it built in.
TRANSPORT: Final = ("virtio_pci", "virtio_console")

#: The NIC at the end of a wire.
NIC: Final = ("virtio_net",)

_FOLDERS: Final = ("dev", "proc", "sys", "run", "modules", "sbin")

#: A dash that is not between brackets: kernel and people use it for an underscore as they please.
_DASH: Final = re.compile(r"-(?![^\[]*\])")


def initramfs(kernel: Kernel, agent: Path, *, wires: int = 0) -> bytes:
    """Return the archive to boot *kernel* with; :class:`MachineError` if the agent has not been built.

    What the machine itself needs is inserted at boot; for other modules the kernel asks when it wants them,
    by ``/sbin/modprobe`` (``vm/agent/modprobe.c``).
    """
    try:
        init = agent.read_bytes()
    except OSError as error:
        raise MachineError(
            f"the guest agent is not there ({error.strerror})", where=str(agent), hint=paths.agent_recipe()
        ) from error
    modules = kernel.module_order(sorted(kernel.depends))
    at_boot = kernel.module_order((*TRANSPORT, *NIC) if wires else TRANSPORT)
    entries = [cpio.directory(folder) for folder in _FOLDERS]
    entries.append(cpio.directory("tmp", 0o1777))  # every user may make files there
    entries.append(cpio.character_device("dev/console", 5, 1))
    entries.append(cpio.file("init", init, executable=True))
    entries.append(cpio.symlink("sbin/modprobe", "/init"))
    if kernel.config:
        entries.append(cpio.directory("boot"))
        entries.append(cpio.file(f"boot/config-{kernel.release}", kernel.config.read_bytes()))
    entries += [cpio.file(f"modules/{module.name}", module.read_bytes()) for module in modules]
    entries.append(cpio.file("modules.list", _lines(f"/modules/{module.name}" for module in at_boot)))
    entries.append(cpio.file("modules.dep", _lines(dependencies(kernel))))
    entries.append(cpio.file("modules.alias", _lines(aliases(kernel))))
    return cpio.archive(entries)


def dependencies(kernel: Kernel) -> list[str]:
    """Return, a line for each module, its name and all that is to be inserted for it in that order."""
    return [
        " ".join((name, *(path.stem for path in kernel.module_order([name]))))
        for name in sorted(kernel.depends)
    ]


def aliases(kernel: Kernel) -> list[str]:
    """Return, a line for each, a pattern of ``fnmatch(3)`` and the module that goes by it."""
    return [
        f"{_DASH.sub('_', pattern)} {name}"
        for name, patterns in sorted(kernel.aliases.items())
        for pattern in patterns
    ]


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
