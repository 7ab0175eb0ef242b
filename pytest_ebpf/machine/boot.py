"""From a kernel to a guest that answers: a cold boot."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pytest_ebpf.errors import (
    DeadlineError,
    InfrastructureError,
    KernelCrashedError,
    KernelError,
    MachineError,
)
from pytest_ebpf.guest import Guest
from pytest_ebpf.kernels import Kernel
from pytest_ebpf.machine.machine import Machine, not_started, spawn
from pytest_ebpf.machine.processor import tsc_khz
from pytest_ebpf.machine.qemu import Boot, Ram, command_line
from pytest_ebpf.machine.recipe import Recipe

#: What the agent says (``vm/agent/init.c``) where the kernel shows it no port of ours.
_NO_PORT: Final = "no virtio-serial port named"


def boot(recipe: Recipe, *, timeout: float, ram: Ram | None = None) -> Machine:
    """Boot a kernel until its agent has said hello, within *timeout* seconds; *ram* is its memory, if a file.

    :class:`MachineError`, with the console, when it does not come up; :class:`KernelError` if it did, and has
    no port by which its agent could be spoken to.
    """
    machine = _start(recipe, ram)
    try:
        Guest(machine, timeout=timeout).greet(timeout)
    except (InfrastructureError, KernelCrashedError) as error:
        machine.stop()
        if _NO_PORT in error.console and recipe.kernel.modules is None:
            raise _needs_modules(recipe.kernel) from error
        in_time = f" within {timeout:g} s" if isinstance(error, DeadlineError) else ""
        raise MachineError(
            f"kernel {recipe.kernel.release} did not come up{in_time} ({error.what})", console=error.console
        ) from error
    except BaseException:
        machine.stop()
        raise
    return machine


def _needs_modules(kernel: Kernel) -> KernelError:
    release = kernel.release
    return KernelError(
        f"kernel {release} has no virtio console, and no modules are beside it",
        where=kernel.origin.removeprefix("path:"),
        hint=f"give the image as boot/vmlinuz-{release} with lib/modules/{release} beside boot, or build it "
        "with CONFIG_VIRTIO_PCI=y and CONFIG_VIRTIO_CONSOLE=y",
    )


def _start(recipe: Recipe, ram: Ram | None) -> Machine:
    try:
        initramfs = recipe.open_initramfs()
    except OSError as error:
        raise not_started(error) from error
    image = recipe.kernel.unpacked or recipe.kernel.image
    source = Boot(image, Path(f"/proc/self/fd/{initramfs}"), tsc_khz())
    try:
        return spawn(
            lambda channels: command_line(recipe.qemu, recipe.config, channels, boot=source, ram=ram),
            wires=recipe.config.wires,
            inherited=[initramfs],
        )
    finally:
        os.close(initramfs)
