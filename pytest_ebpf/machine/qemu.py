"""The command line of a virtual machine, folded from what it shall be. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Accelerator = Literal["kvm", "tcg"]

#: The virtio-serial port that the agent serves (``PORT_NAME`` in ``vm/agent``).
PORT_NAME: Final = "pytest-ebpf.0"

#: The character device of the console, by the emulator's name for it.
CONSOLE: Final = "console"

#: Switched off in a NIC, see :func:`_wire`.
_NIC_FEATURES: Final = (
    "guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,guest_csum=off,"
    "ctrl_rx=off,ctrl_vlan=off,guest_announce=off,ioeventfd=off"
)

#: Words of the kernel command line, each for a reason.
_KERNEL_WORDS: Final = (
    "console=ttyS0",
    "quiet",
    "panic=-1",  # reboot at once; with -no-reboot the machine ends
    "oops=panic",  # an oops ends the machine, so that it is seen
    "unknown_nmi_panic",  # so does an NMI, with the stack of what hangs
    "mitigations=off",  # nothing secret runs here
    "random.trust_cpu=on",  # no wait for entropy
    "no_timer_check",  # the timer of an emulated machine fails the check under load
    "sysrq_always_enabled",  # asked for stacks over the console when the guest does not answer
    "audit=0",
    "cryptomgr.notests",  # self-tests of ciphers are a sixth of a boot
    "damon_stat.enabled=0",  # 7.2 looks through all memory for what is in use, some pages every 5 ms
    "lsm=capability,bpf",
    "net.ifnames=0",
)


@dataclass(frozen=True)
class MachineConfig:
    """What a machine shall be: *memory* in MiB, online *cpus*, how it is run, the number of its *wires*.

    There is one CPU more, which the kernel leaves offline, so that per-CPU maps have more than one value.
    """

    memory: int = 256
    cpus: int = 1
    accelerator: Accelerator = "tcg"
    wires: int = 0


@dataclass(frozen=True)
class Channels:
    """Open descriptors that the machine inherits: the agent's port, the console, the monitor, its wires."""

    port: int
    console: int
    monitor: int
    wires: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ram:
    """The file that is the machine's memory; if not *shared*, what the machine writes stays its own."""

    path: Path
    shared: bool


@dataclass(frozen=True)
class Boot:
    """A kernel to start with; a machine without one waits for the state of another.

    *tsc_khz* is how fast the host's time stamp counter counts, 0 if that is not known.
    """

    kernel: Path
    initrd: Path
    tsc_khz: int = 0


def command_line(
    qemu: Path, config: MachineConfig, channels: Channels, *, boot: Boot | None, ram: Ram | None = None
) -> tuple[str, ...]:
    """Return the argv of a machine that boots, or waits to be restored; *ram* is a file or else anonymous."""
    return (
        str(qemu),
        *_machine(config, ram),
        *(_boot(boot, config) if boot else ("-incoming", "defer")),
        *("-chardev", f"socket,id={CONSOLE},fd={channels.console}", "-serial", f"chardev:{CONSOLE}"),
        *("-chardev", f"socket,id=monitor,fd={channels.monitor}", "-mon", "chardev=monitor,mode=control"),
        *("-device", "virtio-serial-pci", "-chardev", f"socket,id=port,fd={channels.port}"),
        *("-device", f"virtserialport,chardev=port,name={PORT_NAME}"),
        *(word for number, wire in enumerate(channels.wires) for word in _wire(number, wire)),
    )


def kernel_words(config: MachineConfig, tsc_khz: int = 0) -> str:
    """Return the kernel command line."""
    clock = _clock_words(tsc_khz) if config.accelerator == "tcg" and tsc_khz else ()
    return " ".join((*_KERNEL_WORDS, *clock, f"maxcpus={config.cpus}"))


def _clock_words(tsc_khz: int) -> tuple[str, ...]:
    """An emulated processor counts time as the host's does, on all its CPUs alike, which no kernel is told.

    It would measure its speed with a timer that is late whenever the host is busy (two seconds were six in
    the guest), hold it against that timer later on, call it broken, and read the clock by I/O.
    """
    return f"tsc_early_khz={tsc_khz}", "tsc=reliable"


def _wire(number: int, descriptor: int) -> tuple[str, ...]:
    """Return a NIC whose frames are datagrams of a socket; it comes up as ``eth{number}``.

    Offloads of what comes in are off: a driver that may be given several frames as one takes no XDP program.
    So are its filters: a frame comes in whatever its receiver and VLAN are. Nor does it have the guest tell
    others of itself once it is restored. Its kicks are taken where they are made: that saves a thread's turn.
    """
    nic = f"virtio-net-pci,netdev=wire{number},romfile=,mac={mac(number)},{_NIC_FEATURES}"
    return (
        *("-netdev", f"dgram,id=wire{number},local.type=fd,local.str={descriptor}"),
        *("-device", nic),
    )


def mac(number: int) -> str:
    """Return the MAC address of the NIC at the guest's end of a wire; they are counted from 0."""
    return f"02:00:00:00:00:{number + 1:02x}"


def _machine(config: MachineConfig, ram: Ram | None) -> tuple[str, ...]:
    machine = "pc,usb=off,vmport=off,hpet=off"
    return (
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-machine", f"{machine},memory-backend=ram" if ram else machine),
        *("-accel", config.accelerator),
        # "host" is for KVM only; "max" is all that TCG can emulate
        *("-cpu", "host" if config.accelerator == "kvm" else "max"),
        *("-smp", str(config.cpus + 1)),
        *("-m", str(config.memory)),
        *(_memory(ram, config.memory) if ram else ()),
    )


def _memory(ram: Ram, size: int) -> tuple[str, ...]:
    share = "on" if ram.shared else "off"
    path = str(ram.path).replace(",", ",,")  # QEMU's own quoting
    return ("-object", f"memory-backend-file,id=ram,size={size}M,mem-path={path},share={share}")


def _boot(boot: Boot, config: MachineConfig) -> tuple[str, ...]:
    words = kernel_words(config, boot.tsc_khz)
    return ("-kernel", str(boot.kernel), "-initrd", str(boot.initrd), "-append", words)
