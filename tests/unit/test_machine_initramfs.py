"""The modules in the guest's file system, and the index by which its modprobe finds them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_ebpf import process
from pytest_ebpf.kernels import Kernel, Version
from pytest_ebpf.machine.initramfs import aliases, dependencies, initramfs

DEPENDS = {
    "virtio_net": ["net_failover"],
    "net_failover": ["failover"],
    "failover": [],
    "virtio_pci": [],
    "sch_ingress": [],
}
ALIASES = {"virtio_net": ["virtio:d00000001v*"], "sch_ingress": ["net-sch-clsact", "x[a-c]-y"]}


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    modules = tmp_path / "modules"
    modules.mkdir()
    for name in DEPENDS:
        (modules / f"{name}.ko").write_text(f"this is {name}")
    (tmp_path / "agent").write_text("the agent")
    return Kernel(
        release="6.1.0",
        version=Version(6, 1),
        image=tmp_path / "vmlinuz",
        btf=tmp_path / "btf",
        modules=modules,
        sha256="",
        origin="",
        depends=DEPENDS,
        aliases=ALIASES,
    )


def unpacked(kernel: Kernel, folder: Path, *, wires: int) -> Path:
    (folder / "archive").write_bytes(initramfs(kernel, folder / "agent", wires=wires))
    root = folder / "root"
    root.mkdir()
    done = process.run(
        ["cpio", "-i", "--quiet", "-F", "../archive", "modules*", "sbin*", "tmp", "boot*"],
        timeout=10,
        cwd=root,
    )
    assert done.status == 0, done.stderr
    return root


def test_the_configuration_is_where_libbpf_looks_for_it(kernel, tmp_path):
    (tmp_path / "config").write_text("CONFIG_HZ=250\n")
    known = replace(kernel, config=tmp_path / "config")
    root = unpacked(known, tmp_path, wires=0)
    assert (root / "boot/config-6.1.0").read_text() == "CONFIG_HZ=250\n"


def test_every_module_comes_after_what_it_needs(kernel):
    assert dependencies(kernel) == [
        "failover failover",
        "net_failover failover net_failover",
        "sch_ingress sch_ingress",
        "virtio_net failover net_failover virtio_net",
        "virtio_pci virtio_pci",
    ]


def test_dashes_are_underscores_except_between_brackets(kernel):
    assert aliases(kernel) == [
        "net_sch_clsact sch_ingress",
        "x[a-c]_y sch_ingress",
        "virtio:d00000001v* virtio_net",
    ]


def test_all_modules_are_there_and_few_go_in_at_boot(kernel, tmp_path):
    root = unpacked(kernel, tmp_path, wires=0)
    assert {path.stem for path in (root / "modules").iterdir()} == set(DEPENDS)
    assert (root / "modules.list").read_text() == "/modules/virtio_pci.ko\n"
    assert len((root / "modules.dep").read_text().splitlines()) == len(DEPENDS)
    assert len((root / "modules.alias").read_text().splitlines()) == 3
    assert (root / "sbin/modprobe").readlink() == Path("/init")


def test_every_user_may_make_files_in_tmp(kernel, tmp_path):
    assert (unpacked(kernel, tmp_path, wires=0) / "tmp").stat().st_mode & 0o7777 == 0o1777


def test_a_machine_with_wires_has_the_driver_of_its_cards_at_boot(kernel, tmp_path):
    root = unpacked(kernel, tmp_path, wires=1)
    names = [Path(line).stem for line in (root / "modules.list").read_text().split()]
    assert names == ["virtio_pci", "failover", "net_failover", "virtio_net"]
