"""Kernels, snapshots, apt, disk, memory and the project, as `ebpf-build doctor` judges them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_ebpf.errors import KernelError
from pytest_ebpf.kernels.apt import Apt
from pytest_ebpf.kernels.sources import Roots
from pytest_ebpf.machine.shelf import Entry
from pytest_ebpf.session.health import Finding, host, stock
from pytest_ebpf.session.health.host import Room
from pytest_ebpf.session.workspace import Workspace

OWN_IMAGE = 'test on an image of your own: kernels = ["./bzImage"] in ebpf.toml'


def silent_program(path: Path) -> None:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


# kernels, snapshots, apt


def test_every_kernel_promised_is_here():
    found = stock.kernels(["5.10.262", "6.1.192"], ["5.10", "6.1"], lambda _: True, obtainable=True)
    assert found == Finding("kernels", "ok", "2 of the 2 that ebpf.toml promises are here")


def test_kernels_that_are_still_to_be_fetched():
    found = stock.kernels(["6.1.192"], ["5.10", "6.1", "7.2"], lambda spec: spec == "6.1", obtainable=True)
    what = "1 of the 3 that ebpf.toml promises are here, not 5.10, 7.2"
    assert found == Finding("kernels", "note", what, "ebpf-build kernels fetch 5.10 7.2")


def test_without_a_manifest_kernels_are_named():
    def has(spec: str) -> bool:
        raise AssertionError(spec)

    found = stock.kernels(["5.10.262", "6.1.192"], [], has, obtainable=True)
    assert found == Finding("kernels", "ok", "5.10.262, 6.1.192")
    many = stock.kernels([f"6.{minor}.1" for minor in range(1, 9)], [], has, obtainable=True)
    assert many.what == "6.1.1, 6.2.1, 6.3.1, 6.4.1, 6.5.1, 6.6.1 and 2 more"


def test_an_empty_cache_is_no_problem_while_there_is_apt():
    found = stock.kernels([], [], lambda _: False, obtainable=True)
    assert found == Finding("kernels", "note", "none in the cache", "ebpf-build kernels fetch 6.12")


def test_no_kernel_and_no_way_to_get_one():
    found = stock.kernels([], ["6.1"], lambda _: False, obtainable=False)
    what = "0 of the 1 that ebpf.toml promises are here, not 6.1, and none can be fetched"
    assert found == Finding("kernels", "fail", what, "see apt, then: ebpf-build kernels fetch 6.1")


def test_some_kernels_and_no_way_to_get_others():
    found = stock.kernels(["6.1.192"], ["6.1", "7.2"], lambda spec: spec == "6.1", obtainable=False)
    what = "1 of the 2 that ebpf.toml promises are here, not 7.2"
    assert found == Finding("kernels", "note", what, "see apt, then: ebpf-build kernels fetch 7.2")


def test_a_lock_file_that_cannot_be_read():
    def has(_spec: str) -> bool:
        raise KernelError("not a lock file", where="ebpf-kernels.lock", hint="make it again")

    assert stock.kernels(["6.1.192"], ["6.1"], has, obtainable=True) == Finding(
        "kernels", "fail", "ebpf-kernels.lock: not a lock file; make it again"
    )


def test_snapshots_and_their_size():
    entries = [Entry("a", "6.1.192", 120_000_000, 0.0), Entry("b", "7.2.13", 130_000_000, 1.0)]
    assert stock.snapshots(entries, 4 << 30) == Finding("snapshots", "ok", "2 in 250 MB of at most 4.3 GB")
    assert stock.snapshots([], 4 << 30) == Finding(
        "snapshots", "ok", "none yet, each kernel makes one at its first boot"
    )


def test_no_apt(bin_folder, tmp_path):
    apt = Apt(tmp_path / "apt", say=pytest.fail)
    assert stock.archive(apt) == Finding("apt", "fail", "apt-get: not found on PATH", OWN_IMAGE)
    silent_program(bin_folder / "apt-get")
    assert stock.archive(apt) == Finding("apt", "fail", "dpkg-deb: not found on PATH", OWN_IMAGE)


def test_no_keys_of_the_archive(bin_folder, tmp_path):
    for name in ("apt-get", "dpkg-deb"):
        silent_program(bin_folder / name)
    assert stock.archive(Apt(tmp_path / "apt", say=pytest.fail), keyring=tmp_path / "none.gpg") == Finding(
        "apt",
        "fail",
        "the keys of Debian's archive are not there",
        "sudo apt-get install debian-archive-keyring",
    )


def test_no_debian_among_the_sources(bin_folder, tmp_path):
    for name in ("apt-get", "dpkg-deb"):
        silent_program(bin_folder / name)
    assert stock.archive(Apt(tmp_path / "apt", say=pytest.fail), keyring=tmp_path) == Finding(
        "apt",
        "fail",
        "no Debian archive among the machine's apt sources",
        "add one to /etc/apt/sources.list.d, or give the path of a kernel image",
    )


@pytest.mark.parametrize(
    ("index", "seen"),
    [
        (None, "not asked for kernels yet"),
        ((83, 60.0), "83 kernels seen within the last hour"),
        ((83, 7300.0), "83 kernels seen 2 h ago"),
        ((83, 260_000.0), "83 kernels seen 3 days ago"),
    ],
)
def test_when_the_archive_was_asked(index, seen):
    roots = Roots(("http://a.example/debian",), ("http://a.example/debian-security",))
    assert stock.judge_archive(roots, index) == Finding(
        "apt", "ok", f"Debian's archive is among its sources, {seen}"
    )


def test_sources_without_security_updates():
    assert stock.judge_archive(Roots(("http://a.example/debian",), ()), None) == Finding(
        "apt",
        "note",
        "no security updates among its sources, so no 5.10; not asked for kernels yet",
        "add Debian's security archive to /etc/apt/sources.list.d",
    )


# the host


def test_room_on_both_disks():
    cache, here = Room(Path("/cache"), 80_000_000_000, True), Room(Path("/src"), 500_000_000, True)
    assert host.disk(cache, here) == Finding("disk", "ok", "80.0 GB free for the cache, 500 MB here")


def test_a_small_disk_for_the_cache():
    found = host.disk(Room(Path("/cache"), 300_000_000, True), Room(Path("/src"), 10**9, True))
    what = "300 MB free in /cache; 1.0 GB is better"
    assert found == Finding(
        "disk", "note", what, "ebpf-build kernels clear, or export PYTEST_EBPF_CACHE=FOLDER"
    )


def test_a_full_disk_under_the_project():
    found = host.disk(Room(Path("/cache"), 10**10, True), Room(Path("/src"), 1_000_000, True))
    assert found == Finding("disk", "fail", "1 MB free in /src", "make room: du -xh /src | sort -h | tail")


def test_folders_that_may_not_be_written():
    open_room, closed = Room(Path("/src"), 10**10, True), Room(Path("/src"), 10**10, False)
    assert host.disk(closed, open_room, kernels=False).state == "fail"
    assert host.disk(closed, open_room) == Finding(
        "disk", "note", "nothing may be written to /src", "export PYTEST_EBPF_CACHE=FOLDER"
    )
    assert host.disk(open_room, closed) == Finding(
        "disk", "fail", "nothing may be written to /src", "sudo chown $USER /src"
    )


def test_a_folder_that_will_be_made_is_on_the_disk_above_it(tmp_path):
    room = host.room_in(tmp_path / "not" / "yet")
    assert (room.folder, room.writable) == (tmp_path / "not" / "yet", True)
    assert room.free > 0


def test_memory_by_machines():
    assert host.memory(23_000, 256).what == "23000 MiB available, for 35 machines of 256 MiB at once"
    assert host.memory(400, 256).what == "400 MiB available, for one machine of 256 MiB at once"
    assert host.memory(200, 256) == Finding(
        "memory",
        "note",
        "200 MiB available, a machine takes 256",
        "end other programs, or lower test.memory in ebpf.toml",
    )


def workspace(folder: Path, text: str) -> Workspace:
    (folder / "ebpf.toml").write_text(text)
    return Workspace(folder / "ebpf.toml", folder, say=pytest.fail)


def test_the_project_that_was_asked_in(tmp_path):
    head = '[project]\nname = "edge"\nkernels = ["6.1", "7.2"]\n'
    found = host.project(workspace(tmp_path, head + '[objects.gate]\npath = "gate.bpf.o"\n'))
    assert found == Finding("project", "ok", "edge, 1 object, for kernels 6.1, 7.2")


def test_a_manifest_with_problems(tmp_path):
    assert host.project(workspace(tmp_path, "[project]\n")) == Finding(
        "project", "note", "2 problems in ebpf.toml", "ebpf-build"
    )


def test_no_project(tmp_path):
    assert host.project(Workspace(None, tmp_path, say=pytest.fail)) == Finding(
        "project", "ok", "no ebpf.toml here or above; only the host is looked at"
    )
