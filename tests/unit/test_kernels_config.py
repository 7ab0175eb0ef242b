"""Where the configuration of a kernel image is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_ebpf.kernels.unpack import configuration_of


@pytest.mark.parametrize(
    ("image", "config"),
    [
        ("boot/vmlinuz-6.1.0-13-amd64", "boot/config-6.1.0-13-amd64"),
        ("linux/arch/x86/boot/bzImage", "linux/.config"),
    ],
)
def test_beside_an_installed_kernel_or_where_it_was_built(tmp_path: Path, image, config):
    for name in (image, config):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert configuration_of(tmp_path / image) == tmp_path / config
    (tmp_path / config).unlink()
    assert configuration_of(tmp_path / image) is None


def test_any_other_place_says_nothing(tmp_path: Path):
    (tmp_path / ".config").touch()
    assert configuration_of(tmp_path / "bzImage") is None
