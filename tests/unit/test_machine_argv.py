"""The command line of a machine and the archive it boots from: pure functions of what it shall be."""

from __future__ import annotations

import stat
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from pytest_ebpf import process
from pytest_ebpf.machine import cpio
from pytest_ebpf.machine.qemu import Boot, Channels, MachineConfig, Ram, command_line

BOOT = Boot(Path("/k/vmlinuz"), Path("/proc/self/fd/9"))


def argv(*, boot=BOOT, ram=None, **config):
    channels = Channels(port=5, console=6, monitor=7, wires=tuple(range(11, 11 + config.get("wires", 0))))
    return command_line(Path("/usr/bin/qemu"), MachineConfig(**config), channels, boot=boot, ram=ram)


def after(words, option):
    return words[words.index(option) + 1]


def test_a_machine_has_no_device_but_the_port_and_the_console():
    words = argv()
    assert "-nodefaults" in words
    assert "-no-user-config" in words
    assert [word for option, word in pairwise(words) if option == "-device"] == [
        "virtio-serial-pci",
        "virtserialport,chardev=port,name=pytest-ebpf.0",
    ]
    assert after(words, "-serial") == "chardev:console"
    assert "socket,id=console,fd=6" in words
    assert "socket,id=port,fd=5" in words
    assert "socket,id=monitor,fd=7" in words


def test_a_wire_is_a_card_whose_frames_are_datagrams_of_a_descriptor():
    words = argv(wires=2)
    assert [word for option, word in pairwise(words) if option == "-netdev"] == [
        "dgram,id=wire0,local.type=fd,local.str=11",
        "dgram,id=wire1,local.type=fd,local.str=12",
    ]
    cards = [word for word in words if word.startswith("virtio-net-pci,")]
    assert [card.split(",")[1:4] for card in cards] == [
        ["netdev=wire0", "romfile=", "mac=02:00:00:00:00:01"],
        ["netdev=wire1", "romfile=", "mac=02:00:00:00:00:02"],
    ]


def test_a_card_gives_xdp_programs_single_frames_and_whatever_comes():
    (card,) = (word for word in argv(wires=1) if word.startswith("virtio-net-pci,"))
    switched_off = {word.removesuffix("=off") for word in card.split(",") if word.endswith("=off")}
    assert switched_off == {
        *("guest_tso4", "guest_tso6", "guest_ecn", "guest_ufo", "guest_csum"),
        *("ctrl_rx", "ctrl_vlan", "guest_announce", "ioeventfd"),
    }


def test_a_machine_without_wires_has_no_card():
    assert "-netdev" not in argv()


def test_a_dead_kernel_ends_the_machine():
    words = argv()
    assert "-no-reboot" in words
    assert {"panic=-1", "oops=panic"} <= set(after(words, "-append").split())


def test_there_is_one_cpu_more_than_is_online():
    words = argv(cpus=4)
    assert after(words, "-smp") == "5"
    assert "maxcpus=4" in after(words, "-append").split()


def test_an_emulated_kernel_is_told_how_fast_its_processor_counts():
    boot = replace(BOOT, tsc_khz=2596120)
    told = after(argv(boot=boot, accelerator="tcg"), "-append").split()
    assert {"tsc_early_khz=2596120", "tsc=reliable"} <= {*told}
    for words in (argv(boot=boot, accelerator="kvm"), argv(accelerator="tcg")):
        assert "tsc" not in after(words, "-append")


def test_memory_is_in_mebibytes():
    assert after(argv(memory=512), "-m") == "512"


def test_the_cpu_model_follows_the_accelerator():
    assert (after(argv(accelerator="tcg"), "-accel"), after(argv(accelerator="tcg"), "-cpu")) == (
        "tcg",
        "max",
    )
    assert (after(argv(accelerator="kvm"), "-accel"), after(argv(accelerator="kvm"), "-cpu")) == (
        "kvm",
        "host",
    )


def test_a_machine_to_be_restored_has_no_kernel_and_a_memory_of_its_own():
    words = argv(boot=None, ram=Ram(Path("/cache/a,b/ram"), shared=False))
    assert after(words, "-incoming") == "defer"
    assert not {"-kernel", "-initrd", "-append"} & set(words)
    assert (
        after(words, "-object") == "memory-backend-file,id=ram,size=256M,mem-path=/cache/a,,b/ram,share=off"
    )
    assert after(words, "-machine").endswith(",memory-backend=ram")


def test_an_archive_is_what_cpio_reads(tmp_path):
    entries = [
        cpio.directory("dev"),
        cpio.character_device("dev/console", 5, 1),
        cpio.file("init", b"#!program\n", executable=True),
        cpio.file("modules.list", b""),
        cpio.symlink("modprobe", "/init"),
    ]
    archive = tmp_path / "archive"
    archive.write_bytes(cpio.archive(entries))
    listing = process.run(["cpio", "-itv", "--quiet", "-F", str(archive)], timeout=10).stdout.splitlines()
    assert [line.split()[0] for line in listing] == [
        *("drwxr-xr-x", "crw-------", "-rwxr-xr-x", "-rw-r--r--", "lrwxrwxrwx")
    ]
    assert [line.split()[-1] for line in listing] == ["dev", "dev/console", "init", "modules.list", "/init"]
    assert "5,   1" in listing[1]


def test_an_archive_is_the_same_bytes_for_the_same_entries():
    entries = [cpio.file("a", b"abc"), cpio.file("b", b"")]
    assert cpio.archive(entries) == cpio.archive(entries)
    assert len(cpio.archive(entries)) % 4 == 0


def test_modes_carry_the_type_of_file():
    assert stat.S_ISDIR(cpio.directory("x").mode)
    assert stat.S_ISCHR(cpio.character_device("x", 1, 3).mode)
    assert stat.S_ISREG(cpio.file("x", b"").mode)
