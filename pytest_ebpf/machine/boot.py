"""From a kernel to a guest that answers: a cold boot."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_ebpf.errors import InfrastructureError, KernelCrashedError, MachineError
from pytest_ebpf.guest import Guest
from pytest_ebpf.machine.machine import Machine, spawn
from pytest_ebpf.machine.qemu import Boot, Ram, command_line
from pytest_ebpf.machine.recipe import Recipe


def boot(recipe: Recipe, *, timeout: float, ram: Ram | None = None) -> Machine:
    """Boot a kernel until its agent has said hello, within *timeout* seconds; *ram* is its memory, if a file.

    :class:`MachineError`, with the console, when it does not come up.
    """
    machine = _start(recipe, ram)
    try:
        Guest(machine, timeout=timeout).greet(timeout)
    except (InfrastructureError, KernelCrashedError) as error:
        machine.stop()
        raise MachineError(
            f"kernel {recipe.kernel.release} did not come up within {timeout:g} s ({error.what})",
            console=error.console,
        ) from error
    except BaseException:
        machine.stop()
        raise
    return machine


def _start(recipe: Recipe, ram: Ram | None) -> Machine:
    initramfs = recipe.open_initramfs()
    source = Boot(recipe.kernel.unpacked or recipe.kernel.image, Path(f"/proc/self/fd/{initramfs}"))
    try:
        return spawn(
            lambda channels: command_line(recipe.qemu, recipe.config, channels, boot=source, ram=ram),
            wires=recipe.config.wires,
            inherited=[initramfs],
        )
    finally:
        os.close(initramfs)
