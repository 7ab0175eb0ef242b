"""From a kernel to a guest that answers: a cold boot."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_ebpf.errors import InfrastructureError, KernelCrashedError, MachineError
from pytest_ebpf.guest import Guest
from pytest_ebpf.kernels import Kernel
from pytest_ebpf.machine.initramfs import initramfs
from pytest_ebpf.machine.machine import Machine, find_qemu, spawn
from pytest_ebpf.machine.qemu import MachineConfig, command_line


def boot(kernel: Kernel, agent: Path, config: MachineConfig, *, timeout: float) -> Machine:
    """Boot *kernel* until its agent has said hello, within *timeout* seconds.

    :class:`MachineError`, with the console, when it does not come up.
    """
    machine = _start(kernel, agent, config)
    try:
        Guest(machine, timeout=timeout).greet(timeout)
    except (InfrastructureError, KernelCrashedError) as error:
        machine.stop()
        raise MachineError(
            f"kernel {kernel.release} did not come up within {timeout:g} s ({error.what})",
            console=error.console,
        ) from error
    except BaseException:
        machine.stop()
        raise
    return machine


def _start(kernel: Kernel, agent: Path, config: MachineConfig) -> Machine:
    qemu = find_qemu()
    # a file in memory: nothing is left behind, whatever happens
    descriptor = os.memfd_create("initramfs")
    with os.fdopen(descriptor, "wb") as image:
        image.write(initramfs(kernel, agent))
        image.flush()
        initrd = Path(f"/proc/self/fd/{descriptor}")
        return spawn(
            lambda channels: command_line(qemu, kernel.image, initrd, config, channels),
            inherited=[descriptor],
        )
