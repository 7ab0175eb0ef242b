"""A host that is short of descriptors: that is said, of nothing else, and nothing is thrown away for it."""

from __future__ import annotations

import gc
import json
import os
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_ebpf.errors import MachineError
from pytest_ebpf.machine import template
from pytest_ebpf.machine.machine import spawn
from pytest_ebpf.machine.snapshot import DamagedSnapshotError, Snapshot

SAID = "the emulator cannot be started (Too many open files); allow more open files: ulimit -n 1024"


@pytest.fixture(autouse=True)
def _no_garbage():
    """What other tests have left is closed before anything is counted, and nothing while it is."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@contextmanager
def descriptors(room):
    """Let only *room* more be opened."""
    free = [os.open("/dev/null", os.O_RDONLY) for _ in range(room + 1)]
    for each in free:
        os.close(each)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[room], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def opened():
    return sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208  # one descriptor, and closed at once


@pytest.mark.parametrize("room", [0, 1, 3, 7])
@pytest.mark.parametrize("wires", [0, 2])
def test_no_machine_is_started(room, wires):
    before = opened()
    with descriptors(room), pytest.raises(MachineError) as caught:
        spawn(lambda channels: ["true"], wires=wires)
    assert str(caught.value) == SAID
    assert opened() == before


def test_a_snapshot_is_not_taken_for_damaged(tmp_path):
    (tmp_path / "snapshot.json").write_text(json.dumps({"ram": [0, 0, 0], "state": [0, 0, 0]}))
    with descriptors(0), pytest.raises(MachineError) as caught:
        Snapshot(tmp_path, recipe=None).check()
    assert str(caught.value) == SAID
    (tmp_path / "snapshot.json").unlink()
    with pytest.raises(DamagedSnapshotError, match="its description cannot be read"):
        Snapshot(tmp_path, recipe=None).check()


@pytest.mark.parametrize("room", [0, 1, 2])
def test_no_half_of_a_template_is_left(tmp_path, room):
    (tmp_path / "ram").touch()
    before = opened()
    with descriptors(room), pytest.raises(OSError, match="Too many open files"):
        template.make(Snapshot(Path(tmp_path), recipe=None), [], wake_timeout=1, call_timeout=1)
    assert opened() == before
