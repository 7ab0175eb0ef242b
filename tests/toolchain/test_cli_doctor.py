"""`ebpf-build doctor` and `ebpf-build kernels clear` as a user calls them, here and on a poorer host."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_ebpf import paths
from pytest_ebpf.kernels import KernelStore

COMMAND = Path(sys.executable).with_name("ebpf-build")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The folder of a cache that nothing has been put into."""
    return tmp_path / "cache"


def ebpf_build(
    cache: Path, folder: Path, *words: str, path: str | None = None
) -> subprocess.CompletedProcess:
    env = {**os.environ, "PYTEST_EBPF_CACHE": str(cache), "COLUMNS": "80"}
    if path is not None:
        env["PATH"] = path
    return subprocess.run(
        [COMMAND, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def states(done: subprocess.CompletedProcess) -> dict[str, str]:
    return {finding["name"]: finding["state"] for finding in json.loads(done.stdout)["findings"]}


def test_this_host_can_do_the_main_job(cache, tmp_path):
    done = ebpf_build(cache, tmp_path, "doctor", "--json")
    assert (done.returncode, done.stderr, json.loads(done.stdout)["ok"]) == (0, "", True)
    found = states(done)
    needed = ("python", "qemu", "clang", "agent", "headers", "disk", "memory")
    assert {name: found[name] for name in needed} == dict.fromkeys(needed, "ok")
    assert found["kernels"] == "note"  # the cache is empty: they can be fetched


def test_a_screen_for_people(cache, tmp_path):
    done = ebpf_build(cache, tmp_path, "doctor")
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines) <= 24) == (0, True)
    assert "--    kernels     none in the cache" in lines
    assert "      mend: ebpf-build kernels fetch 6.12" in lines
    assert lines[-1] == "all that is needed is here; lines marked -- could be better"


def test_without_tools_it_says_what_to_install(cache, tmp_path):
    done = ebpf_build(cache, tmp_path, "doctor", path="")
    assert (done.returncode, done.stderr) == (1, "")
    assert "FAIL  qemu        qemu-system-x86_64: not found on PATH" in done.stdout
    assert "      mend: sudo apt-get install qemu-system-x86\n" in done.stdout
    assert "FAIL  clang       clang: not found on PATH" in done.stdout
    assert done.stdout.endswith("\n4 of 12 FAIL: eBPF programs cannot be tested here yet\n")


def test_kernels_in_the_cache_make_up_for_apt(cache, tmp_path, kernel_btf):
    entry = kernel_btf("6.12").parent
    shutil.copytree(entry, cache / "kernels" / entry.name)
    done = ebpf_build(cache, tmp_path, "doctor", "--json", path=str(tmp_path))
    assert (done.returncode, states(done)["kernels"], states(done)["apt"]) == (1, "ok", "note")


def test_in_a_project_it_names_the_kernels_that_are_missing(cache, tmp_path, kernel_btf):
    (tmp_path / "ebpf.toml").write_text(
        '[project]\nname = "edge"\nkernels = ["6.1", "6.12"]\n[objects.gate]\npath = "gate.bpf.o"\n'
    )
    entry = kernel_btf("6.12").parent
    shutil.copytree(entry, cache / "kernels" / entry.name)
    (cache / "accelerator.json").write_text(json.dumps({"boot": boot_id(), "problem": "it is not tried"}))
    lines = ebpf_build(cache, tmp_path, "doctor").stdout.splitlines()
    assert "ok    project     edge, 1 object, for kernels 6.1, 6.12" in lines
    assert "--    kernels     1 of the 2 that ebpf.toml promises are here, not 6.1" in lines
    assert "      mend: ebpf-build kernels fetch 6.1" in lines


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def snapshot(cache: Path, key: str, kernel: str, size: int) -> Path:
    folder = cache / "snapshots" / key
    folder.mkdir(parents=True)
    (folder / "kernel").write_text(kernel)
    (folder / "ram").write_bytes(b"\1" * size)
    return folder


def test_clear_frees_snapshots_and_keeps_kernels(cache, tmp_path, kernel_btf):
    entry = kernel_btf("6.12").parent
    kept = cache / "kernels" / entry.name
    shutil.copytree(entry, kept)
    folders = [snapshot(cache, key, "6.12.117", 2_000_000) for key in ("one", "two")]
    done = ebpf_build(cache, tmp_path, "kernels", "clear")
    assert (done.returncode, done.stdout) == (0, "4 MB freed\n")
    assert not any(folder.exists() for folder in folders)
    assert (kept / "vmlinuz").is_file()


def test_clear_all_frees_kernels_and_the_index_too(cache, tmp_path, kernel_btf):
    entry = kernel_btf("6.12").parent
    shutil.copytree(entry, cache / "kernels" / entry.name)
    (cache / "apt" / "state").mkdir(parents=True)
    (cache / "apt" / "state" / "lists").write_bytes(b"\1" * 2_000_000)
    snapshot(cache, "one", "6.12.117", 2_000_000)
    done = ebpf_build(cache, tmp_path, "kernels", "clear", "--all")
    number, rest = done.stdout.split(" ", 1)
    assert (done.returncode, rest) == (0, "MB freed\n")
    assert int(number) > 20  # an image alone has some 10 MB, its BTF 4, and there are modules
    assert [path for path in cache.rglob("*") if path.is_file()] == [cache / "kernels" / ".lock"]


def test_clear_takes_one_or_the_other(cache, tmp_path):
    done = ebpf_build(cache, tmp_path, "kernels", "clear", "--all", "--snapshots")
    assert done.returncode == 2
    assert "argument --snapshots: not allowed with argument --all" in done.stderr


def test_list_shows_snapshots(cache, tmp_path):
    KernelStore().available()  # so that there is an index to copy: an empty cache would fetch one
    (cache / "apt").mkdir(parents=True)
    shutil.copy(paths.cache_root() / "apt" / "index.json", cache / "apt")
    folder = snapshot(cache, "one", "6.12.117", 2_000_000)
    os.utime(folder, (0, 1_795_000_000))
    done = ebpf_build(cache, tmp_path, "kernels", "list")
    assert (
        "snapshots, the longest unused first\n  6.12.117                2 MB   last used 2026-11-18"
        in done.stdout
    )
