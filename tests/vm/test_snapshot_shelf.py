"""A snapshot is made once, told from every other, and made again when it is no good."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_ebpf import paths
from pytest_ebpf.machine import MachineConfig, Recipe
from pytest_ebpf.machine.shelf import Shelf
from pytest_ebpf.machine.snapshot import DamagedSnapshotError, Snapshot, restore

BOOTING = "booting {} for a snapshot, once for this kernel"


@pytest.fixture(scope="module")
def recipe(machines):
    return machines.recipe("6.12")


@pytest.fixture(scope="module")
def master(tmp_path_factory, recipe):
    """A cache with one sound snapshot, for the tests to copy."""
    root = tmp_path_factory.mktemp("master")
    Shelf(root, say=print).get(recipe, timeout=300)
    return root


@pytest.fixture
def root(master, tmp_path):
    subprocess.run(["cp", "--archive", "--sparse=always", f"{master}/.", tmp_path], check=True)
    return tmp_path


@pytest.fixture
def said():
    return []


@pytest.fixture
def shelf(root, said):
    return Shelf(root, say=said.append)


def answers(snapshot: Snapshot) -> bool:
    machine, guest = restore(snapshot, call_timeout=60).ready(60)
    with machine:
        return guest.hello.release == snapshot.recipe.kernel.release


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def test_what_is_there_is_taken_without_a_word(shelf, recipe, said):
    assert answers(shelf.get(recipe, timeout=1))
    assert said == []


def test_a_sound_copy_is_taken_too(shelf, root, recipe, said):
    os.utime(root / "snapshots" / recipe.key / "ram", (0, 0))
    assert answers(shelf.get(recipe, timeout=1))
    assert said == []


DAMAGE = {
    "cut memory": (
        lambda folder: os.truncate(folder / "ram", 1 << 20),
        "ram has 1048576 bytes, not 268435456",
    ),
    "a bit of the memory": (lambda folder: flip(folder / "ram", 16 << 20), "ram was changed"),
    "a bit of the state": (lambda folder: flip(folder / "state", 100_000), "state was changed"),
    "an empty description": (
        lambda folder: os.truncate(folder / "snapshot.json", 0),
        "its description cannot be read (JSONDecodeError)",
    ),
    "half of it removed": (
        lambda folder: (folder / "state").unlink() or (folder / "kernel").unlink(),
        "state cannot be read (No such file or directory)",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_made_again_with_a_line_said(shelf, root, recipe, said, damage):
    inflict, why = DAMAGE[damage]
    inflict(root / "snapshots" / recipe.key)
    assert answers(shelf.get(recipe, timeout=300))
    version = recipe.kernel.version
    assert said == [f"the snapshot of {version} is damaged ({why}); making it again", BOOTING.format(version)]
    assert answers(shelf.get(recipe, timeout=300))
    assert len(said) == 2


@pytest.mark.parametrize("name", ["ram", "state"])
def test_damage_that_nothing_shows_comes_up_wrong_or_not_at_all_but_does_not_hang(root, recipe, name):
    """Zeros of the right size, and a description to match: whatever the emulator makes of it, it is said."""
    folder = root / "snapshots" / recipe.key
    size = (folder / name).stat().st_size
    (folder / name).write_bytes(b"")
    os.truncate(folder / name, size)
    facts = json.loads((folder / "snapshot.json").read_text())
    facts[name] = [size, (folder / name).stat().st_mtime_ns, 0]
    (folder / "snapshot.json").write_text(json.dumps(facts))
    Snapshot(folder, recipe).check()
    waking = restore(Snapshot(folder, recipe), call_timeout=10)
    with pytest.raises(DamagedSnapshotError, match=r"^it does not come up \("):
        waking.ready(3)
    assert not waking.machine.alive


def test_two_processes_that_miss_it_make_it_once(tmp_path, recipe):
    racing = [
        subprocess.Popen([sys.executable, "-c", _GET, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=600)[0] for process in racing]
    assert sorted(said) == ["", BOOTING.format(recipe.kernel.version) + "\n"]
    (entry,) = Shelf(tmp_path, say=print).entries()
    assert entry.key == recipe.key


_GET = """
import sys
from pathlib import Path
from pytest_ebpf import paths
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.machine import MachineConfig, Recipe
from pytest_ebpf.machine.shelf import Shelf
recipe = Recipe(KernelStore(lock=None, say=print).get("6.12"), paths.agent(), MachineConfig())
Shelf(Path(sys.argv[1]), say=lambda line: print(line, flush=True)).get(recipe, timeout=300)
"""


def test_what_a_killed_process_was_making_is_swept_up_by_the_next(tmp_path, recipe, machines):
    maker = subprocess.Popen([sys.executable, "-c", _GET, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    maker.stdout.readline()
    folder = tmp_path / "snapshots"
    deadline = time.monotonic() + 120
    while not list(folder.glob(".building-*/entry/ram")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    maker.kill()
    maker.wait()
    Shelf(tmp_path, say=print).get(machines.recipe("6.1"), timeout=300)
    assert len(list(folder.glob("[!.]*"))) == 1
    assert not list(folder.glob(".building-*"))


def test_the_least_recently_used_is_forgotten(root, recipe, said):
    other = dataclasses.replace(recipe, config=MachineConfig(memory=128))
    newest = dataclasses.replace(recipe, config=MachineConfig(memory=192))
    roomy = Shelf(root, say=said.append)
    roomy.get(other, timeout=300)
    for age, each in enumerate((other, recipe), start=1):  # stamps of what is quick can be the same
        os.utime(root / "snapshots" / each.key, (0, time.time() - 3600 * age))
    roomy.get(recipe, timeout=1)
    limit = sum(entry.size for entry in roomy.entries()) + (64 << 20)
    Shelf(root, say=said.append, limit=limit).get(newest, timeout=300)
    assert [entry.key for entry in roomy.entries()] == [recipe.key, newest.key]


def test_one_that_is_larger_than_the_limit_is_kept_for_now(tmp_path, recipe):
    shelf = Shelf(tmp_path, say=print, limit=1)
    assert answers(shelf.get(recipe, timeout=300))
    assert len(shelf.entries()) == 1
    assert shelf.clear() > 50 << 20
    assert shelf.entries() == ()


def test_machines_go_on_when_their_snapshot_is_cleared(shelf, recipe):
    machine, guest = restore(shelf.get(recipe, timeout=1), call_timeout=60).ready(60)
    with machine:
        shelf.clear()
        guest.call("write_file", path="/tmp/file", data=bytes(8 << 20))
        assert guest.call("read_file", path="/proc/kallsyms", limit=32 << 20)


class TestKey:
    """Whatever a snapshot depends on is in its key."""

    def test_it_is_the_same_for_the_same(self, recipe, machines):
        assert machines.recipe("6.12").key == recipe.key

    def test_another_kernel(self, recipe, machines):
        assert machines.recipe("6.18").key != recipe.key

    def test_another_agent(self, recipe, tmp_path):
        agent = tmp_path / "agent"
        agent.write_bytes(paths.agent().read_bytes() + b"\0")
        assert dataclasses.replace(recipe, agent=agent).key != recipe.key

    @pytest.mark.parametrize("config", [{"memory": 512}, {"cpus": 2}, {"accelerator": "kvm"}])
    def test_another_machine(self, recipe, config):
        assert dataclasses.replace(recipe, config=MachineConfig(**config)).key != recipe.key

    def test_another_emulator(self, recipe, tmp_path, monkeypatch):
        emulator = shutil.copy2(recipe.qemu.resolve(), tmp_path / "qemu-system-x86_64")
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        elsewhere = Recipe(recipe.kernel, recipe.agent, recipe.config)
        assert elsewhere.qemu == emulator
        assert elsewhere.key != recipe.key
        os.utime(emulator, (0, 0))
        assert Recipe(recipe.kernel, recipe.agent, recipe.config).key not in {elsewhere.key, recipe.key}

    def test_another_processor(self, recipe, monkeypatch):
        before = recipe.key
        monkeypatch.setattr("pytest_ebpf.machine.processor._SEEN", ())
        assert dataclasses.replace(recipe).key != before

    def test_a_processor_of_another_speed(self, recipe, tmp_path, monkeypatch):
        """A guest was told of it: its seconds would be shorter or longer than they are."""
        told = Path("/proc/cpuinfo").read_text()
        speed = float(re.findall(r"(?m)^bogomips\s*: (.*)$", told)[0])

        def key_at(factor: float) -> str:
            cpuinfo = tmp_path / "cpuinfo"
            cpuinfo.write_text(re.sub(r"(?m)^(bogomips\s*:).*$", rf"\1 {speed * factor:.2f}", told))
            monkeypatch.setattr("pytest_ebpf.machine.processor._CPUINFO", cpuinfo)
            return dataclasses.replace(recipe).key

        assert key_at(1) == recipe.key
        assert key_at(1.1) != recipe.key


class TestNoRoom:
    """Without room for snapshots kernels are booted, and that is said."""

    def test_a_full_disk(self, tmp_path):
        """On a file system of 64 MiB, in a mount namespace of its own."""
        script = f'mount -t tmpfs -o size=64m none "{tmp_path}" && exec "$@"'
        unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
        done = subprocess.run(
            [*unshare, sys.executable, "-c", _FLEET, str(tmp_path)],
            env={**os.environ, "REAL_CACHE": str(paths.cache_root())},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-2:] == [
            "no snapshots can be kept (No space left on device); booting a kernel for each test",
            "two machines, both booted",
        ]

    def test_a_folder_that_may_not_be_written(self, tmp_path):
        (tmp_path / "snapshots").write_text("in the way")
        done = subprocess.run(
            [sys.executable, "-c", _FLEET, str(tmp_path)],
            env={**os.environ, "REAL_CACHE": str(paths.cache_root())},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-2:] == [
            "no snapshots can be kept (File exists); booting a kernel for each test",
            "two machines, both booted",
        ]


_FLEET = """
import os, sys
from pathlib import Path
from pytest_ebpf.kernels import KernelStore
os.environ["PYTEST_EBPF_CACHE"] = os.environ["REAL_CACHE"]
store = KernelStore(lock=None, say=print)
store.get("6.12")
os.environ["PYTEST_EBPF_CACHE"] = sys.argv[1]
from pytest_ebpf.session.fleet import Fleet
fleet = Fleet(store, accelerator_request="tcg", say=lambda line: print(line, flush=True))
uptimes = []
for scope in ("one", "two"):
    running = fleet.running("6.12", scope)
    assert running.guest.hello.release == running.kernel.release
fleet.close()
print("two machines, both booted")
"""
