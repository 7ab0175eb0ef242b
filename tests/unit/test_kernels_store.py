"""What a spec means when there is no archive to ask: the cache, the lock file, and clear words.

apt is really not there: ``PATH`` is empty. Kernels are fetched for real in tests/toolchain.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from pytest_ebpf.errors import KernelError, UsageError
from pytest_ebpf.kernels import Available, Kernel, KernelStore, Package, Version, lock_kernels
from pytest_ebpf.kernels.cache import Cache, write_facts
from pytest_ebpf.kernels.lockfile import Locked, write_lock

NO_APT = (
    "apt: kernels are fetched through apt (apt-get: not found; install it or correct the path); "
    "or give the path of a kernel image"
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache on a machine without apt."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "cache"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def store(root: Path, said: list[str]) -> KernelStore:
    return KernelStore(root, say=said.append)


def put(root: Path, release: str, package_version: str) -> Kernel:
    """A cache entry of the package ``linux-image-RELEASE``."""
    package = Package(f"linux-image-{release}", package_version, 20_000_000, "aa")
    cache = Cache(root)
    name = f"{release}_{package_version}"
    with cache.locked(pytest.fail), cache.building(name) as folder:
        (folder / "vmlinuz").write_text(name)
        (folder / "btf").write_text(name)
        version = Version.parse(package_version)
        write_facts(
            folder,
            release=release,
            version=version,
            origin=f"debian:{package.name}={package_version}",
            packages=[package],
        )
    return cache.load(name)


def put_index(root: Path, *kernels: Available, age: float = 0.0) -> None:
    """The index, as it was read from the archive *age* seconds ago."""
    (root / "apt").mkdir(parents=True, exist_ok=True)
    data = {"fetched": time.time() - age, "kernels": [kernel.to_json() for kernel in kernels]}
    (root / "apt" / "index.json").write_text(json.dumps(data))


def offered(release: str, package_version: str) -> Available:
    package = Package(f"linux-image-{release}", package_version, 20_000_000, "aa")
    return Available(Version.parse(package_version), release, (package,), "bookworm", complete=True)


@pytest.mark.parametrize("spec", ["6.1", "6.1.192", "6.1.0-56-cloud-amd64", "6.1.192-2"])
def test_a_kernel_in_the_cache_goes_by_all_its_names(root, store, spec):
    put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    put(root, "6.1.0-50-cloud-amd64", "6.1.176-1")
    put(root, "6.12.117+deb13-cloud-amd64", "6.12.117-1")
    assert store.get(spec).version == Version(6, 1, 192)
    assert store.get(spec, verify=True).release == "6.1.0-56-cloud-amd64"


def test_a_kernel_in_the_cache_is_had_in_well_under_five_milliseconds(root, store):
    for patch in range(10):
        put(root, f"6.1.0-{patch}-cloud-amd64", f"6.1.{patch + 100}-1")
    times = []
    for _ in range(10):
        start = time.process_time()
        store.get("6.1")
        times.append(time.process_time() - start)
    assert min(times) < 0.005


def test_what_is_cached_is_listed_by_version(root, store):
    put(root, "6.12.117+deb13-cloud-amd64", "6.12.117-1")
    put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    assert [kernel.line for kernel in store.cached()] == ["6.1", "6.12"]


def test_an_entry_that_cannot_be_read_is_not_listed(root, store):
    kernel = put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    (kernel.image.parent / "kernel.json").write_text("")
    assert store.cached() == ()


def test_the_cache_is_the_users_own_by_default(root, monkeypatch):
    monkeypatch.setenv("PYTEST_EBPF_CACHE", str(root))
    put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    assert KernelStore().get("6.1").image.is_relative_to(root)


def test_a_relative_cache_is_below_the_current_folder(root, monkeypatch):
    put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    monkeypatch.chdir(root.parent)
    assert KernelStore(Path("cache")).get("6.1").image.is_relative_to(root)


def test_without_apt_a_kernel_that_is_not_cached_cannot_be_had(store, said):
    with pytest.raises(KernelError) as caught:
        store.get("6.1")
    assert str(caught.value) == NO_APT
    assert said == ["reading the index of kernels from the archive"]


def test_a_damaged_entry_is_thrown_away_and_said(root, store, said):
    kernel = put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    kernel.btf.unlink()
    with pytest.raises(KernelError):
        store.get("6.1")
    name = "6.1.0-56-cloud-amd64_6.1.192-2"
    assert said[0] == f"{name}: damaged in the cache (btf: No such file or directory); making it anew"
    assert not kernel.image.parent.exists()


@pytest.mark.parametrize("spec", ["6.1", "6.1.0-56-cloud-amd64", "latest"])
def test_an_entry_with_fewer_modules_is_good_enough_where_no_other_can_be_had(root, store, said, spec):
    kernel = put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    facts = kernel.image.parent / "kernel.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "depends": {}, "wanted": []}))
    put_index(root, offered("6.1.0-56-cloud-amd64", "6.1.192-2"))
    assert [store.get(spec).sha256 for _ in range(2)] == [kernel.sha256] * 2
    assert said == [
        f"{spec}: fetching 6.1.0-56-cloud-amd64 6.1.192-2 (20 MB)",
        (
            f"{spec}: kernels are fetched through apt (apt-get: not found; install it or correct the path); "
            "going on without the modules that are missing in the cache"
        ),
    ]


@pytest.mark.parametrize("spec", ["", "newest", "6", "-h"])
def test_nonsense_is_refused_before_anything_is_asked(store, said, spec):
    with pytest.raises(UsageError) as caught:
        store.get(spec)
    assert str(caught.value) == (
        f"kernels: {f'not a kernel ({spec})' if spec else 'no kernel named'}; "
        "write a line (6.1), a version (6.1.192), latest or the path of an image (./bzImage)"
    )
    assert said == []


def test_a_line_the_archive_does_not_have(root, store):
    put_index(root, offered("6.1.0-56-cloud-amd64", "6.1.192-2"))
    with pytest.raises(KernelError) as caught:
        store.get("6.6")
    assert str(caught.value) == (
        "kernels: no such kernel in the archive (6.6); it has 6.1; or give the path of an image"
    )


def test_what_is_available_is_read_from_an_index_of_today(root, store, said):
    put_index(root, offered("6.1.0-56-cloud-amd64", "6.1.192-2"), age=3600)
    assert [kernel.line for kernel in store.available()] == ["6.1"]
    assert said == []


def test_an_old_index_is_better_than_none_and_that_is_said(root, store, said):
    put_index(root, offered("6.1.0-56-cloud-amd64", "6.1.192-2"), age=50 * 3600)
    assert [kernel.line for kernel in store.available()] == ["6.1"]
    assert said[-1] == (
        "kernels are fetched through apt (apt-get: not found; install it or correct the path); "
        "using the index of 50 hours ago"
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"fetched": 1, "kernels": [{}]}'])
def test_an_index_that_cannot_be_read_is_as_none(root, store, text):
    put_index(root)
    (root / "apt" / "index.json").write_text(text)
    with pytest.raises(KernelError, match=r"^apt: kernels are fetched through apt"):
        store.available()


def test_latest_is_what_the_archive_has_newest(root, store):
    put(root, "6.12.117+deb13-cloud-amd64", "6.12.117-1")
    put(root, "7.3-cloud-amd64", "7.3~rc7-1~exp1")
    put_index(
        root,
        offered("7.3-cloud-amd64", "7.3~rc7-1~exp1"),
        offered("6.12.117+deb13-cloud-amd64", "6.12.117-1"),
    )
    assert store.get("latest").line == "6.12"


def test_latest_without_an_archive_is_the_newest_release_in_the_cache(root, store, said):
    put(root, "6.12.117+deb13-cloud-amd64", "6.12.117-1")
    put(root, "7.3-cloud-amd64", "7.3~rc7-1~exp1")
    assert store.get("latest").line == "6.12"
    assert said[-1] == "the archive cannot be asked; the latest kernel in the cache is 6.12.117"


def test_latest_without_an_archive_and_a_cache_cannot_be_had(store):
    with pytest.raises(KernelError) as caught:
        store.get("latest")
    assert str(caught.value) == NO_APT


def locked_to(kernel: Kernel, **changes: str) -> Locked:
    return Locked(
        **{"release": kernel.release, "image_sha256": kernel.sha256, "packages": kernel.packages, **changes}
    )


def test_the_lock_file_decides_which_build_a_line_is(root, tmp_path):
    put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    older = put(root, "6.1.0-50-cloud-amd64", "6.1.176-1")
    write_lock(tmp_path / "ebpf-kernels.lock", {"6.1": locked_to(older)})
    store = KernelStore(root, lock=tmp_path / "ebpf-kernels.lock")
    assert store.get("6.1") == older
    assert store.get("6.1.192").version == Version(6, 1, 192)


def test_an_image_that_is_not_the_one_locked_is_refused(root, tmp_path):
    kernel = put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    lock = tmp_path / "ebpf-kernels.lock"
    write_lock(lock, {"6.1": locked_to(kernel, image_sha256="00")})
    with pytest.raises(KernelError) as caught:
        KernelStore(root, lock=lock).get("6.1")
    assert str(caught.value) == (
        f"{lock}: the image of 6.1 is not the one locked (sha256 {kernel.sha256}); "
        "`ebpf-build kernels lock` makes a new one"
    )


def test_a_lock_file_that_is_not_there_locks_nothing(root, tmp_path):
    put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    assert KernelStore(root, lock=tmp_path / "ebpf-kernels.lock").get("6.1").line == "6.1"


def test_the_lock_file_pins_the_newest_and_leaves_paths_out(root, store, tmp_path):
    kernel = put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    put_index(root, offered("6.1.0-56-cloud-amd64", "6.1.192-2"))
    lock = tmp_path / "ebpf-kernels.lock"
    assert lock_kernels(["6.1", "./bzImage", "6.1"], store, lock) == {"6.1": kernel}
    assert json.loads(lock.read_text())["kernels"] == {
        "6.1": {
            "release": "6.1.0-56-cloud-amd64",
            "image_sha256": kernel.sha256,
            "packages": [asdict(package) for package in kernel.packages],
        }
    }


def test_nothing_to_lock_is_an_error(store, tmp_path):
    with pytest.raises(UsageError) as caught:
        lock_kernels(["./bzImage"], store, tmp_path / "ebpf-kernels.lock")
    assert str(caught.value) == f"{tmp_path}/ebpf-kernels.lock: no kernel to lock; name lines, such as 6.1"


def test_a_path_without_a_file(store, tmp_path):
    with pytest.raises(KernelError) as caught:
        store.get(f"{tmp_path}/bzImage")
    assert str(caught.value) == (
        f"{tmp_path}/bzImage: no kernel image there (No such file or directory); give the path of a bzImage"
    )


def test_a_path_to_something_else(store, root, tmp_path):
    (tmp_path / "notes.txt").write_text("no kernel")
    with pytest.raises(KernelError) as caught:
        store.get(f"{tmp_path}/notes.txt")
    assert str(caught.value) == (
        f"{tmp_path}/notes.txt: not an x86 kernel image (no bzImage header); "
        "give arch/x86/boot/bzImage of a build, or a distribution's vmlinuz"
    )
    assert [path.name for path in (root / "kernels").iterdir()] == [".lock"]


def test_a_path_to_a_folder(store, tmp_path):
    with pytest.raises(KernelError) as caught:
        store.get(f"{tmp_path}/")
    assert str(caught.value) == (
        f"{tmp_path}: the image cannot be read (Is a directory); give the path of a bzImage"
    )


def test_a_cache_that_cannot_be_looked_into(tmp_path):
    root = tmp_path / ("x" * 300)
    store = KernelStore(root, say=pytest.fail)
    for ask in (store.cached, lambda: store.get("6.1")):
        with pytest.raises(KernelError) as caught:
            ask()
        assert str(caught.value) == (
            f"{root}/kernels: the cache of kernels cannot be read (File name too long); "
            "set PYTEST_EBPF_CACHE to another folder"
        )


def test_a_user_without_a_home(monkeypatch):
    def nobody(uid):
        raise KeyError(uid)

    for name in ("HOME", "XDG_CACHE_HOME", "PYTEST_EBPF_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    with pytest.raises(UsageError) as caught:
        KernelStore(say=pytest.fail)
    assert str(caught.value) == (
        f"user {os.getuid()} has no home folder for kernels; set PYTEST_EBPF_CACHE to a folder"
    )


def test_a_path_is_from_the_folder_where_the_run_began(root, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "bzImage").write_text("no kernel")
    monkeypatch.chdir(tmp_path / "mine")
    store = KernelStore(root, say=pytest.fail)
    monkeypatch.chdir(tmp_path)
    assert store.has("./bzImage")
    with pytest.raises(KernelError, match=f"^{tmp_path}/mine/bzImage: not an x86 kernel image"):
        store.get("./bzImage")


def test_the_home_of_nobody(store):
    with pytest.raises(KernelError) as caught:
        store.get("~nobody-of-that-name/bzImage")
    assert str(caught.value) == (
        "~nobody-of-that-name/bzImage: there is no such home folder; write the whole path"
    )


def test_whether_a_kernel_can_be_had_without_a_network(root: Path, tmp_path: Path):
    put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    (image := tmp_path / "bzImage").touch()
    store = KernelStore(root, say=pytest.fail)
    have = {spec: store.has(spec) for spec in ("6.1", "6.1.192", "latest", str(image), "6.12", "./none")}
    assert have == dict.fromkeys(("6.1", "6.1.192", "latest", str(image)), True) | dict.fromkeys(
        ("6.12", "./none"), False
    )


def test_a_locked_kernel_is_had_as_it_is_locked(root: Path, tmp_path: Path):
    put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    package = Package("linux-image-6.1.0-40-cloud-amd64", "6.1.153-1", 20_000_000, "aa")
    lock = tmp_path / "ebpf-kernels.lock"
    write_lock(lock, {"6.1": Locked("6.1.0-40-cloud-amd64", "bb", (package,))})
    assert not KernelStore(root, lock=lock, say=pytest.fail).has("6.1")


def test_clear_says_what_it_frees(root: Path):
    kernel = put(root, "6.1.0-56-cloud-amd64", "6.1.192-2")
    kernel.btf.write_bytes(bytes(100_000))
    (root / "apt").mkdir()
    (root / "apt" / "index.json").write_bytes(b"\1" * 50_000)
    store = KernelStore(root, say=pytest.fail)
    assert store.clear() >= 150_000
    assert (store.cached(), (root / "apt").exists(), store.clear()) == ((), False, 0)
