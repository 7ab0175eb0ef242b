"""A kernel turned into a running guest."""

from pytest_ebpf.machine.boot import boot
from pytest_ebpf.machine.machine import Machine
from pytest_ebpf.machine.qemu import Accelerator, MachineConfig
from pytest_ebpf.machine.recipe import Recipe

__all__ = ["Accelerator", "Machine", "MachineConfig", "Recipe", "boot"]
