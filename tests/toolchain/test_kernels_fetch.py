"""Kernels, fetched for real through the machine's own apt: about 100 MB over the whole module."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pytest_ebpf import elf
from pytest_ebpf.errors import KernelError
from pytest_ebpf.kernels import Available, Kernel, KernelStore, lock_kernels
from pytest_ebpf.kernels.cache import Cache
from pytest_ebpf.kernels.catalog import matching
from pytest_ebpf.kernels.image import read_header, starts_unpacked, unpack
from pytest_ebpf.kernels.version import debian_key

OLD = "6.1"  # one package
NEW = "latest"  # two packages

#: A process that fetches argv[2] to the cache argv[1] and prints what is said, then the release.
FETCH = """
import sys
from pathlib import Path
from pytest_ebpf.kernels import KernelStore
store = KernelStore(Path(sys.argv[1]), say=lambda message: print(message, flush=True))
print(store.get(sys.argv[2]).release)
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the index of the archive and both kinds of kernel."""
    root = tmp_path_factory.mktemp("kernels")
    store = KernelStore(root)
    store.get(OLD)
    store.get(NEW)
    return root


@pytest.fixture
def root(shared: Path, tmp_path: Path) -> Path:
    """A cache without a kernel that shares the index."""
    root = tmp_path / "cache"
    root.mkdir()
    (root / "apt").symlink_to(shared / "apt")
    return root


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def old(shared: Path) -> Kernel:
    return KernelStore(shared).get(OLD)


@pytest.fixture
def new(shared: Path) -> Kernel:
    return KernelStore(shared).get(NEW)


@pytest.fixture
def offered(shared: Path) -> tuple[Available, ...]:
    return KernelStore(shared).available()


def own_index(root: Path, *kernels: Available) -> None:
    """Give *root* an apt folder whose index is *kernels*, with the archive's lists as they are."""
    shared = (root / "apt").resolve()
    (root / "apt").unlink()
    (root / "apt").mkdir()
    for part in ("state", "cache", "sources.list"):
        (root / "apt" / part).symlink_to(shared / part)
    data = {"fetched": time.time(), "kernels": [kernel.to_json() for kernel in kernels]}
    (root / "apt" / "index.json").write_text(json.dumps(data))


def entries(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "kernels").iterdir() if path.name != ".lock")


def run_fetch(root: Path, spec: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", FETCH, str(root), spec]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("spec", [OLD, NEW])
def test_a_kernel_is_what_it_says(shared, spec):
    kernel = KernelStore(shared).get(spec, verify=True)
    header = read_header(kernel.image.read_bytes(), where="image")
    assert (kernel.release, kernel.version) == (header.release, header.version)
    assert kernel.sha256 == hashlib.sha256(kernel.image.read_bytes()).hexdigest()
    assert kernel.origin == f"debian:{kernel.packages[0].name}={kernel.packages[0].version}"
    assert len(kernel.packages) == (1 if spec == OLD else 2)


@pytest.mark.parametrize("spec", [OLD, NEW])
def test_its_btf_is_what_bpftool_reads(shared, spec):
    kernel = KernelStore(shared).get(spec)
    dump = subprocess.run(
        ["bpftool", "btf", "dump", "file", kernel.btf], check=True, capture_output=True, text=True
    ).stdout
    assert "STRUCT 'task_struct'" in dump
    assert "FUNC 'bpf_prog_run" in dump or "FUNC '__bpf_prog_run" in dump


@pytest.mark.parametrize("spec", [OLD, NEW])
def test_its_modules_are_built_for_it_and_need_nothing_else(shared, spec):
    kernel = KernelStore(shared).get(spec)
    order = kernel.module_order(["virtio_net", "veth", "sch_ingress", "cls_bpf", "nf_conntrack"])
    assert {"virtio_net.ko", "veth.ko", "sch_ingress.ko", "cls_bpf.ko"} <= {path.name for path in order}
    seen: set[str] = set()
    for path in order:
        info = elf.section(path.read_bytes(), ".modinfo")
        assert f"vermagic={kernel.release} ".encode() in info
        (depends,) = (entry[8:].decode() for entry in info.split(b"\0") if entry.startswith(b"depends="))
        assert set(filter(None, depends.split(","))) <= seen
        seen.add(path.stem)


def test_the_virtio_port_of_an_old_kernel_needs_its_modules_in_order(old):
    names = [path.stem for path in old.module_order(["virtio_pci", "virtio_console"])]
    assert names.index("virtio_ring") < names.index("virtio") < names.index("virtio_pci")
    assert names[-1] == "virtio_console"


def test_what_is_cached_is_small(old, new):
    for kernel in (old, new):
        files = [path for path in kernel.image.parent.rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) < 100_000_000


def test_the_unpacked_kernel_is_kept_beside_its_image(old, new):
    for kernel in (old, new):
        image = kernel.image.read_bytes()
        inside = unpack(image, read_header(image, where="image"), where="image")
        assert starts_unpacked(inside, where="image")
        assert kernel.unpacked is not None
        assert kernel.unpacked.read_bytes() == inside


def test_package_versions_sort_as_dpkg_sorts_them(offered):
    versions = sorted({kernel.package_version for kernel in offered}, key=debian_key)
    for lower, higher in itertools.pairwise(versions):
        subprocess.run(["dpkg", "--compare-versions", lower, "lt", higher], check=True)


def test_the_archive_has_at_least_five_lines(offered):
    assert len({kernel.line for kernel in offered if kernel.complete}) >= 5
    assert {matching(OLD, offered)[0].suite} <= {"bookworm", "bookworm-security"}


def test_two_processes_fetch_one_kernel_once(root, old):
    waiting = "waiting for another process that is fetching a kernel"
    with Cache(root).locked(pytest.fail):
        fetching = [run_fetch(root, OLD) for _ in range(2)]
        assert [process.stdout.readline().rstrip() for process in fetching] == [waiting] * 2
    outputs = [process.communicate(timeout=600) for process in fetching]
    assert [process.returncode for process in fetching] == [0, 0], outputs
    lines = [stdout.splitlines() for stdout, _ in outputs]
    assert [last for *_, last in lines] == [old.release, old.release]
    every = [line for output in lines for line in output]
    assert sum(": fetching " in line for line in every) == 1
    assert entries(root) == [old.image.parent.name]


def test_ctrl_c_leaves_nothing(root):
    process = run_fetch(root, OLD)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("6.1: fetching ")
    while not any((root / "kernels").glob(".building-*/*")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=600)
    assert "KeyboardInterrupt" in stderr
    assert process.returncode != 0
    assert entries(root) == []


def test_a_disk_that_takes_no_more_leaves_nothing(root, old, tmp_path):
    """A limit of 5 MB a file stands for the full disk: the kernel answers EFBIG instead of ENOSPC."""
    image = shutil.copy(old.image, tmp_path / "bzImage")
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000)){FETCH}"
    done = subprocess.run(
        [sys.executable, "-c", limit, str(root), str(image)], check=False, capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1] == (
        f"pytest_ebpf.errors.KernelError: {root}/kernels: "
        "the cache of kernels cannot be written (File too large); "
        "make room (200 MB while a kernel is fetched) or set PYTEST_EBPF_CACHE to another folder"
    )
    assert entries(root) == []


def test_a_damaged_entry_is_fetched_again(root, old, said):
    name = old.image.parent.name
    shutil.copytree(old.image.parent, root / "kernels" / name)
    os.truncate(root / "kernels" / name / "btf", 1000)
    kernel = KernelStore(root, say=said.append).get(OLD)
    size = old.btf.stat().st_size
    assert said[0] == f"{name}: damaged in the cache (btf has 1000 bytes, not {size}); making it anew"
    assert said[1].startswith(f"6.1: fetching {old.release} ")
    assert kernel.btf.read_bytes() == old.btf.read_bytes()


def test_a_lock_file_brings_the_same_bits_to_another_machine(shared, root, old, tmp_path):
    lock = tmp_path / "ebpf-kernels.lock"
    assert lock_kernels([OLD], KernelStore(shared), lock) == {OLD: old}
    kernel = KernelStore(root, lock=lock).get(OLD)
    assert (kernel.release, kernel.sha256, kernel.packages) == (old.release, old.sha256, old.packages)


def test_a_locked_build_that_left_the_archive_fails_clearly_unless_it_is_cached(shared, root, old, tmp_path):
    lock = tmp_path / "ebpf-kernels.lock"
    lock_kernels([OLD], KernelStore(shared), lock)
    lock.write_text(lock.read_text().replace(old.packages[0].version, "6.1.1-1"))
    with pytest.raises(KernelError) as caught:
        KernelStore(root, lock=lock).get(OLD)
    assert str(caught.value) == (
        f"{lock}: 6.1 is locked to 6.1.1-1, which is no longer in the archive; "
        "`ebpf-build kernels lock` makes a new one"
    )
    assert entries(root) == []


def test_a_package_that_is_not_the_one_locked_is_refused(shared, root, old, tmp_path):
    lock = tmp_path / "ebpf-kernels.lock"
    lock_kernels([OLD], KernelStore(shared), lock)
    sha256 = old.packages[0].sha256
    lock.write_text(lock.read_text().replace(sha256, "0" * 64))
    with pytest.raises(KernelError) as caught:
        KernelStore(root, lock=lock).get(OLD)
    file = f"{old.packages[0].name}_{old.packages[0].version}_amd64.deb"
    assert str(caught.value) == (
        f"apt: {file} is not the file expected (sha256 {sha256}, not {'0' * 64}); "
        "fetch it again; if that stays so, the mirror is damaged"
    )
    assert entries(root) == []


def test_a_version_the_archive_lists_no_more_gives_way_to_the_next(root, offered, old, said):
    newest = matching(OLD, offered)[0]
    ghost = replace(newest, packages=(replace(newest.packages[0], version="6.1.999-1"),))
    own_index(root, ghost, newest)
    assert KernelStore(root, say=said.append).get(OLD).sha256 == old.sha256
    assert f"6.1: {newest.packages[0].name}=6.1.999-1 is no longer in the archive, trying the next" in said


@pytest.fixture
def empty_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A proxy in apt's way that has no file at all: 404."""

    class NotFound(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        do_CONNECT = do_GET

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), NotFound)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    proxy_for(tmp_path, monkeypatch, server.server_port)
    yield
    server.shutdown()
    server.server_close()


def proxy_for(folder: Path, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    conf = folder / "proxy.conf"
    proxy = f'"http://127.0.0.1:{port}"'
    conf.write_text(f"Acquire::http::Proxy {proxy};\nAcquire::https::Proxy {proxy};\n")
    monkeypatch.setenv("APT_CONFIG", str(conf))


@pytest.mark.usefixtures("empty_mirror")
def test_packages_that_are_listed_and_gone_from_the_pool(root, offered, said):
    own_index(root, *matching(OLD, offered)[:2])
    with pytest.raises(KernelError) as caught:
        KernelStore(root, say=said.append).get(OLD)
    first, second = matching(OLD, offered)[:2]
    assert str(caught.value) == (
        f"kernels: the archive lists 6.1 and has none of its files ({first.package_version}); "
        "its lines are 6.1; choose another"
    )
    assert [line for line in said if "no longer" in line] == [
        f"6.1: {part.packages[0].name}={part.package_version} is no longer in the archive, trying the next"
        for part in (first, second)
    ]
    assert entries(root) == []


def test_no_network_and_no_index(tmp_path, monkeypatch):
    proxy_for(tmp_path, monkeypatch, 1)
    with pytest.raises(KernelError) as caught:
        KernelStore(tmp_path / "cache").get(OLD)
    message = str(caught.value)
    assert message.startswith(
        "apt: the index of the archive cannot be read (Could not connect to 127.0.0.1:1"
    )
    assert message.endswith(
        "; check the network and that `apt-get update` works, or give the path of a kernel image"
    )


def test_no_network_and_an_index(root, offered, tmp_path, monkeypatch):
    newest = matching(OLD, offered)[0]
    own_index(root, newest)
    proxy_for(tmp_path, monkeypatch, 1)
    with pytest.raises(KernelError) as caught:
        KernelStore(root).get(OLD)
    message = str(caught.value)
    name = f"{newest.packages[0].name}={newest.package_version}"
    assert message.startswith(f"apt: {name} cannot be fetched (Failed to fetch ")
    assert message.endswith("; check the network and the space on the disk; cached kernels still work")
    assert entries(root) == []


def test_an_image_whose_modules_left_the_archive_is_a_kernel_without_modules(root, offered, new, said):
    newest = matching(NEW, offered)[0]
    own_index(root, replace(newest, packages=newest.packages[:1], complete=False))
    kernel = KernelStore(root, say=said.append).get(newest.line)
    assert (kernel.release, kernel.sha256, kernel.modules) == (new.release, new.sha256, None)
    assert said[-1] == (
        f"{newest.line}: the archive has the image of {new.release} but no longer its modules"
    )


#: The same as user argv[3], who may not be able to read this Python: all is imported before.
FETCH_AS = f"""
import os, sys
import lz4.block, zstandard
import pytest_ebpf.kernels.unpack
if os.geteuid() == 0:
    os.setgroups([])
    os.setuid(int(sys.argv[3]))
os.chdir("/")
{FETCH}"""


def test_an_ordinary_user_fetches_too(shared, old):
    """Run as root, this gives the index to nobody; run by an ordinary user, all tests here are that."""
    user = 65534 if os.geteuid() == 0 else os.geteuid()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # open to every user, as $TMPDIR may not be
        root = Path(folder) / "cache"
        shutil.copytree(shared / "apt", root / "apt")
        index = json.loads((root / "apt" / "index.json").read_text())
        (root / "apt" / "index.json").write_text(json.dumps({**index, "fetched": 0}))
        for path in (Path(folder), root, *root.rglob("*")):
            os.chown(path, user, -1)
        argv = [sys.executable, "-c", FETCH_AS, str(root), OLD, str(user)]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0] == "reading the index of kernels from the archive"
        assert done.stdout.splitlines()[-1] == old.release
        assert entries(root) == [old.image.parent.name]


def test_a_path_is_copied_with_its_btf_and_made_anew_when_it_changes(root, new, tmp_path, said):
    image = Path(shutil.copy(new.image, tmp_path / "bzImage"))
    store = KernelStore(root, say=said.append)
    kernel = store.get(str(image))
    assert (kernel.release, kernel.version, kernel.origin) == (new.release, new.version, f"path:{image}")
    assert kernel.btf.read_bytes() == new.btf.read_bytes()
    assert kernel.modules is None
    assert kernel.packages == ()
    assert store.get(str(image)) == kernel
    os.utime(image, (0, 0))
    assert store.get(str(image)).image != kernel.image
    assert said == []


def test_an_installed_kernel_brings_its_modules(root, old, tmp_path):
    (tmp_path / "boot").mkdir()
    image = shutil.copy(old.image, tmp_path / "boot" / f"vmlinuz-{old.release}")
    shutil.copytree(old.modules, tmp_path / "lib/modules" / old.release / "kernel" / "net")
    kernel = KernelStore(root).get(str(image))
    assert kernel.depends == old.depends
    assert [path.name for path in kernel.module_order(["veth"])] == ["veth.ko"]


def test_a_damaged_image_is_told(root, old, tmp_path):
    image = bytearray(old.image.read_bytes())
    header = read_header(bytes(image), where="image")
    start = header.payload_offset + header.payload_length // 2
    image[start : start + 4096] = bytes(4096)
    (tmp_path / "bzImage").write_bytes(image)
    with pytest.raises(KernelError) as caught:
        KernelStore(root).get(str(tmp_path / "bzImage"))
    assert str(caught.value).startswith(f"{tmp_path}/bzImage: the compressed data is damaged (")
    assert entries(root) == []
