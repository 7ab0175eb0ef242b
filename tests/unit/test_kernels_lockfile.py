"""The lock file: written the same for the same kernels, and not trusted when read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_ebpf.errors import KernelError
from pytest_ebpf.kernels import Package, Version
from pytest_ebpf.kernels.lockfile import Locked, read_lock, write_lock

OLD = Locked(
    "6.1.0-56-cloud-amd64",
    "11",
    (Package("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2", 26713492, "aa"),),
)
SPLIT = Locked(
    "7.2.12+deb13-cloud-amd64",
    "22",
    (
        Package("linux-binary-7.2.12+deb13-cloud-amd64", "7.2.12-1~bpo13+1", 13389360, "bb"),
        Package("linux-modules-7.2.12+deb13-cloud-amd64", "7.2.12-1~bpo13+1", 37779084, "cc"),
    ),
)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "ebpf-kernels.lock"
    write_lock(path, {"7.2": SPLIT, "6.1": OLD})
    return path


def test_what_is_written_is_read(lock):
    assert read_lock(lock) == {"6.1": OLD, "7.2": SPLIT}


def test_the_file_is_for_people_too(lock):
    assert lock.read_text().startswith(
        '{\n  "format": 1,\n  "kernels": {\n    "6.1": {\n      "image_sha256": "11",\n'
    )


def test_order_does_not_matter(lock, tmp_path):
    write_lock(tmp_path / "other", {"6.1": OLD, "7.2": SPLIT})
    assert (tmp_path / "other").read_bytes() == lock.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ebpf-kernels.lock", "other"]


def test_no_lock_file_locks_nothing(tmp_path):
    assert read_lock(tmp_path / "none") == {}


def test_an_entry_is_something_to_ask_the_archive_for():
    kernel = SPLIT.as_available()
    assert (kernel.version, kernel.name) == (
        Version(7, 2, 12),
        "7.2.12+deb13-cloud-amd64_7.2.12-1~bpo13+1",
    )


def damaged(lock: Path, change) -> str:
    data = json.loads(lock.read_text())
    change(data)
    lock.write_text(json.dumps(data))
    with pytest.raises(KernelError) as caught:
        read_lock(lock)
    return str(caught.value).replace(str(lock), "LOCK")


def test_a_file_that_is_no_json(lock):
    lock.write_text("<<<<<<< HEAD\n")
    with pytest.raises(KernelError) as caught:
        read_lock(lock)
    assert str(caught.value) == (
        f"{lock}: the lock file is malformed (Expecting value: line 1 column 1 (char 0)); "
        "`ebpf-build kernels lock` makes a new one"
    )


def test_a_file_of_another_format(lock):
    assert damaged(lock, lambda data: data.update(format=2)) == (
        "LOCK: the lock file has another format (2); `ebpf-build kernels lock` makes a new one"
    )


def test_an_entry_without_its_image(lock):
    assert damaged(lock, lambda data: data["kernels"]["6.1"].pop("image_sha256")) == (
        "LOCK: the lock file is malformed ('image_sha256'); `ebpf-build kernels lock` makes a new one"
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["kernels"]["6.1"].update(release="../../../etc"),
        lambda data: data["kernels"]["6.1"].update(packages=[]),
        lambda data: data["kernels"]["6.1"]["packages"][0].update(name="-oAPT::Get::X=y"),
        lambda data: data["kernels"]["6.1"]["packages"][0].update(version="6.1/../.."),
    ],
)
def test_names_that_are_none_of_a_kernel_are_refused(lock, change):
    assert "LOCK: the lock file is malformed (release " in damaged(lock, change)


def test_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(KernelError) as caught:
        write_lock(tmp_path / "no" / "ebpf-kernels.lock", {"6.1": OLD})
    assert str(caught.value) == (
        f"{tmp_path}/no/ebpf-kernels.lock: the lock file cannot be written (No such file or directory); "
        "correct the path, or make room on the disk"
    )


def test_a_lock_file_that_cannot_be_read(tmp_path):
    (tmp_path / "ebpf-kernels.lock").mkdir()
    with pytest.raises(KernelError) as caught:
        read_lock(tmp_path / "ebpf-kernels.lock")
    assert str(caught.value) == (
        f"{tmp_path}/ebpf-kernels.lock: the lock file cannot be read (Is a directory); "
        "`ebpf-build kernels lock` makes a new one"
    )
