"""The command line of a virtual machine, folded from what it shall be. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Accelerator = Literal["kvm", "tcg"]

#: The virtio-serial port that the agent serves (``PORT_NAME`` in ``vm/agent``).
PORT_NAME: Final = "pytest-ebpf.0"

#: Words of the kernel command line, each for a reason.
_KERNEL_WORDS: Final = (
    "console=ttyS0",
    "quiet",
    "panic=-1",  # reboot at once; with -no-reboot the machine ends
    "oops=panic",  # an oops ends the machine, so that it is seen
    "mitigations=off",  # nothing secret runs here
    "random.trust_cpu=on",  # no wait for entropy
    "no_timer_check",  # the timer of an emulated machine fails the check under load
    "audit=0",
    "lsm=capability,bpf",
    "net.ifnames=0",
)


@dataclass(frozen=True)
class MachineConfig:
    """What a machine shall be: *memory* in MiB, online *cpus*, and how it is run.

    There is one CPU more, which the kernel leaves offline, so that per-CPU maps have more than one value.
    """

    memory: int = 256
    cpus: int = 1
    accelerator: Accelerator = "tcg"


@dataclass(frozen=True)
class Channels:
    """File descriptors, open in the parent, that the machine inherits: the agent's port and the console."""

    port: int
    console: int


def command_line(
    qemu: Path, kernel: Path, initrd: Path, config: MachineConfig, channels: Channels
) -> tuple[str, ...]:
    """Return the argv that boots *kernel* with *initrd*."""
    return (
        str(qemu),
        *_machine(config),
        *("-kernel", str(kernel), "-initrd", str(initrd), "-append", kernel_words(config)),
        *_console(channels.console),
        *_port(channels.port),
    )


def kernel_words(config: MachineConfig) -> str:
    """Return the kernel command line."""
    return " ".join((*_KERNEL_WORDS, f"maxcpus={config.cpus}"))


def _machine(config: MachineConfig) -> tuple[str, ...]:
    return (
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-machine", "pc,usb=off,vmport=off,hpet=off"),
        *("-accel", config.accelerator),
        # "host" is for KVM only; "max" is all that TCG can emulate
        *("-cpu", "host" if config.accelerator == "kvm" else "max"),
        *("-smp", str(config.cpus + 1)),
        *("-m", str(config.memory)),
    )


def _console(descriptor: int) -> tuple[str, ...]:
    return ("-chardev", f"socket,id=console,fd={descriptor}", "-serial", "chardev:console")


def _port(descriptor: int) -> tuple[str, ...]:
    return (
        *("-device", "virtio-serial-pci"),
        *("-chardev", f"socket,id=port,fd={descriptor}"),
        *("-device", f"virtserialport,chardev=port,name={PORT_NAME}"),
    )
