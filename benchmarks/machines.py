"""The kernels that are measured on, and machines of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from pytest_ebpf import paths
from pytest_ebpf.guest import Guest
from pytest_ebpf.kernels import Kernel, KernelStore
from pytest_ebpf.machine import MachineConfig, Recipe, boot

KERNELS: Final = ("5.10", "6.1", "6.12", "6.18", "7.2")

#: Seconds.
TIMEOUT: Final = 120.0

#: ``r0 = 2; exit``: XDP_PASS, or TC_ACT_SHOT. The struct is ``struct bpf_insn``.
RETURN_TWO: Final = bytes([0xB7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0])

#: An IPv4 packet of the least length that Ethernet has, its header without a payload.
PACKET: Final = (bytes(12) + b"\x08\x00\x45\x00\x00\x14" + bytes(4) + b"\x40\x11").ljust(60, b"\0")


@cache
def kernel(spec: str) -> Kernel:
    """Return a kernel of the user's cache, fetched if need be."""
    return KernelStore(say=print).get(spec)


def recipe(spec: str) -> Recipe:
    """Return the machine that tests run on by default, emulated."""
    return Recipe(kernel(spec), paths.agent(), MachineConfig())


@contextmanager
def booted(spec: str) -> Iterator[Guest]:
    """A machine that was booted cold, for as long as the block lasts."""
    with boot(recipe(spec), timeout=TIMEOUT) as machine:
        yield Guest(machine, timeout=TIMEOUT)


def assemble(guest: Guest, prog_type: int) -> int:
    """Load :data:`RETURN_TWO` as a program of this type and return its handle."""
    made = guest.call("assemble", type=prog_type, attach_type=0, insns=RETURN_TWO, license="GPL")
    return int(made["prog"])
