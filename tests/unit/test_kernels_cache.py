"""The cache: all of an entry or nothing, one writer at a time, damage noticed.

What is in its files does not matter here.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from pytest_ebpf.errors import KernelError
from pytest_ebpf.kernels import Package, Version
from pytest_ebpf.kernels.cache import Cache, DamagedError, write_facts
from pytest_ebpf.kernels.kernel import insertion_order

PACKAGE = Package("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2", 26713492, "aa")
NAME = "6.1.0-56-cloud-amd64_6.1.192-2"


def fill(folder: Path, *, origin: str = "debian:linux-image-6.1.0-56-cloud-amd64=6.1.192-2") -> None:
    (folder / "modules").mkdir()
    modules = [f"modules/{name}.ko" for name in ("failover", "net_failover", "virtio_net")]
    for name in ("vmlinuz", "vmlinux", "btf", *modules):
        (folder / name).write_text(f"this is {name}")
    write_facts(
        folder,
        release="6.1.0-56-cloud-amd64",
        version=Version(6, 1, 192),
        origin=origin,
        packages=[PACKAGE],
        depends={"virtio_net": ["net_failover"], "net_failover": ["failover"], "failover": []},
        aliases={"virtio_net": ["virtio:d00000001v*"]},
    )


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A cache with one entry."""
    cache = Cache(tmp_path)
    with cache.locked(pytest.fail), cache.building(NAME) as folder:
        fill(folder)
    return cache


def contents(cache: Cache) -> list[str]:
    return sorted(path.name for path in cache.folder.iterdir())


def test_an_entry_is_read_as_it_was_written(cache):
    kernel = cache.load(NAME, verify=True)
    folder = cache.folder / NAME
    assert (kernel.release, kernel.version, kernel.line) == (
        "6.1.0-56-cloud-amd64",
        Version(6, 1, 192),
        "6.1",
    )
    assert (kernel.image, kernel.unpacked, kernel.btf, kernel.modules) == (
        folder / "vmlinuz",
        folder / "vmlinux",
        folder / "btf",
        folder / "modules",
    )
    assert kernel.packages == (PACKAGE,)
    assert len(kernel.sha256) == 64
    assert kernel == cache.describe(NAME)
    assert contents(cache) == [".lock", NAME]


def test_the_other_names_of_a_module_are_kept(cache):
    assert cache.load(NAME).aliases == {"virtio_net": ["virtio:d00000001v*"]}


def without_a_wanted_module(cache: Cache) -> Path:
    path = cache.folder / NAME / "kernel.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "wanted": facts["wanted"][1:]}))
    return path


def test_an_entry_made_when_fewer_modules_were_kept_is_outdated(cache):
    assert not cache.load(NAME).outdated
    without_a_wanted_module(cache)
    assert cache.load(NAME).outdated


def test_a_description_that_was_written_twice_in_a_moment_is_read_again(cache):
    path = cache.folder / NAME / "kernel.json"
    before = path.stat().st_mtime_ns
    assert not cache.load(NAME).outdated
    without_a_wanted_module(cache)
    os.utime(path, ns=(before, before))
    assert cache.load(NAME).outdated


def test_an_entry_that_does_not_say_what_it_was_made_with_is_outdated(cache):
    path = without_a_wanted_module(cache)
    facts = json.loads(path.read_text())
    del facts["wanted"], facts["aliases"]
    path.write_text(json.dumps(facts))
    assert (cache.load(NAME).outdated, cache.load(NAME).aliases) == (True, {})


def test_what_cannot_be_made_anew_today_is_good_until_tomorrow(cache):
    without_a_wanted_module(cache)
    cache.postpone(NAME)
    assert not cache.load(NAME).outdated
    os.utime(cache.folder / NAME / "postponed", (time.time() - 90_000,) * 2)
    assert cache.load(NAME).outdated


def test_a_kernel_that_only_starts_packed(cache):
    with cache.locked(pytest.fail), cache.building(NAME) as folder:
        for name in ("vmlinuz", "btf"):
            (folder / name).touch()
        write_facts(folder, release="mine", version=Version(6, 1), origin="path:/b/bzImage")
    assert cache.load(NAME).unpacked is None


def test_modules_go_in_after_those_they_depend_on(cache):
    kernel = cache.load(NAME)
    order = kernel.module_order(["virtio-net", "failover", "virtio_pci"])
    assert [path.name for path in order] == ["failover.ko", "net_failover.ko", "virtio_net.ko"]
    assert all(path.is_file() for path in order)


def test_a_kernel_without_modules_inserts_none(tmp_path):
    cache = Cache(tmp_path)
    with cache.locked(pytest.fail), cache.building("path-1") as folder:
        (folder / "vmlinuz").write_text("image")
        (folder / "btf").write_text("btf")
        write_facts(folder, release="7.3.0-rc7+", version=Version(7, 3, rc=7), origin="path:/linux/bzImage")
    kernel = cache.load("path-1")
    assert (kernel.modules, kernel.outdated) == (None, False)
    assert kernel.module_order(["virtio_net"]) == ()


def test_names_that_depend_on_each_other_end():
    assert insertion_order(["a"], {"a": ["b"], "b": ["a"]}) == ("b", "a")


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), KernelError("no")])
def test_a_build_that_fails_leaves_nothing_and_keeps_what_was_there(cache, failure):
    def build() -> None:
        with cache.locked(pytest.fail), cache.building(NAME) as folder, cache.scratch() as scratch:
            (folder / "vmlinuz").write_text("half")
            (scratch / "x.deb").write_text("half")
            raise failure

    with pytest.raises(type(failure)):
        build()
    assert contents(cache) == [".lock", NAME]
    cache.load(NAME, verify=True)


def test_a_full_disk_says_so_and_leaves_nothing(cache):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(KernelError) as caught, cache.locked(pytest.fail), cache.building("other"):
        raise full
    assert str(caught.value) == (
        f"{cache.folder}: the cache of kernels cannot be written (No space left on device); "
        "make room (200 MB while a kernel is fetched) or set PYTEST_EBPF_CACHE to another folder"
    )
    assert contents(cache) == [".lock", NAME]


def test_a_cache_of_somebody_else(cache):
    denied = OSError(errno.EACCES, os.strerror(errno.EACCES))
    with pytest.raises(KernelError) as caught, cache.locked(pytest.fail), cache.building("other"):
        raise denied
    assert str(caught.value) == (
        f"{cache.folder}: the cache of kernels cannot be written (Permission denied); "
        "set PYTEST_EBPF_CACHE to another folder"
    )


def test_a_cache_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file")
    with (
        pytest.raises(
            KernelError, match=r"the cache of kernels cannot be written \(Not a directory\); make room"
        ),
        cache.locked(pytest.fail),
    ):
        pass


def test_what_a_killed_process_left_is_swept_by_the_next_build(cache):
    (cache.folder / ".building-dead" / "entry").mkdir(parents=True)
    assert cache.names() == (NAME,)
    with cache.locked(pytest.fail), cache.building("other") as folder:
        fill(folder)
    assert contents(cache) == [".lock", NAME, "other"]


def test_who_waits_for_the_lock_is_told(cache):
    said: list[str] = []
    waiting = threading.Event()

    def say(message: str) -> None:
        said.append(message)
        waiting.set()

    def second() -> None:
        with cache.locked(say):
            said.append("in")

    thread = threading.Thread(target=second)
    with cache.locked(pytest.fail):
        thread.start()
        assert waiting.wait(60)
        said.append("out")
    thread.join(60)
    assert said == ["waiting for another process that is fetching a kernel", "out", "in"]


def damage(cache: Cache, *, verify: bool = False) -> str:
    with pytest.raises(DamagedError) as caught:
        cache.load(NAME, verify=verify)
    return str(caught.value)


def test_a_file_that_is_missing(cache):
    (cache.folder / NAME / "modules/failover.ko").unlink()
    assert damage(cache) == "failover.ko: No such file or directory"


def test_a_file_that_is_shorter(cache):
    os.truncate(cache.folder / NAME / "vmlinuz", 3)
    assert damage(cache) == "vmlinuz has 3 bytes, not 15"


def test_a_file_that_was_written_to(cache):
    btf = cache.folder / NAME / "btf"
    btf.write_text("that is btf")
    os.utime(btf, ns=(0, 0))  # it would be the same as before within one tick of the clock
    assert damage(cache) == "btf has another sha256"


def test_bits_that_rot_are_seen_only_when_hashed(cache):
    btf = cache.folder / NAME / "btf"
    before = btf.stat().st_mtime_ns
    btf.write_text("that is btf")
    os.utime(btf, ns=(before, before))
    cache.load(NAME)
    assert damage(cache, verify=True) == "btf has another sha256"


def test_a_copy_whose_times_changed_is_hashed_once_and_good(cache):
    btf = cache.folder / NAME / "btf"
    before = btf.stat().st_mtime_ns
    os.utime(btf, ns=(0, 0))
    cache.load(NAME)
    assert btf.stat().st_mtime_ns == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 2, "files": []}'])
def test_an_entry_whose_description_is_cut_short(cache, text):
    (cache.folder / NAME / "kernel.json").write_text(text)
    assert damage(cache) == "kernel.json cannot be read"


def test_an_entry_whose_description_lacks_something(cache):
    path = cache.folder / NAME / "kernel.json"
    facts = json.loads(path.read_text())
    del facts["release"]
    path.write_text(json.dumps(facts))
    assert damage(cache) == "kernel.json cannot be read"


def test_an_entry_of_another_version_of_the_cache(cache):
    path = cache.folder / NAME / "kernel.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 1}))
    assert damage(cache) == "kernel.json is of another version"


def test_older_builds_of_one_path_are_removed_after_a_day(cache):
    with cache.locked(pytest.fail):
        for name, origin in (("a", "path:/bzImage"), ("b", "path:/bzImage"), ("c", "path:/bzImage")):
            with cache.building(name) as folder:
                fill(folder, origin=origin)
        for name in (NAME, "a"):
            os.utime(cache.folder / name / "kernel.json", (0, 0))
        cache.discard_older(cache.load("c"))
    assert contents(cache) == [".lock", NAME, "b", "c"]


def test_builds_of_an_image_that_is_gone_are_removed_after_a_day(cache, tmp_path):
    (image := tmp_path / "bzImage").touch()
    with cache.locked(pytest.fail):
        for name, origin in (
            ("gone", "path:/none/bzImage"),
            ("new", "path:/none/new"),
            ("there", f"path:{image}"),
        ):
            with cache.building(name) as folder:
                fill(folder, origin=origin)
        for name in (NAME, "gone", "there"):
            os.utime(cache.folder / name / "kernel.json", (0, 0))
        cache.discard_older(cache.load("new"))
    assert contents(cache) == [".lock", NAME, "new", "there"]


def test_an_entry_is_read_in_well_under_five_milliseconds(cache):
    times = []
    for _ in range(20):
        start = time.process_time()
        cache.load(NAME)
        times.append(time.process_time() - start)
    assert min(times) < 0.005


def test_a_cache_moved_elsewhere_still_works(cache, tmp_path):
    moved = Cache(tmp_path / "elsewhere")
    shutil.copytree(cache.folder, moved.folder)
    assert moved.load(NAME).image == moved.folder / NAME / "vmlinuz"
