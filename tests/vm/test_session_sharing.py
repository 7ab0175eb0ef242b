"""Tests that share a machine: what one did to it another does not find."""

from __future__ import annotations

import math

import pytest

from pytest_ebpf.errors import GuestError
from pytest_ebpf.kernels import KernelStore
from pytest_ebpf.session.ebpf import Ebpf
from pytest_ebpf.session.fleet import Fleet
from pytest_ebpf.session.place import Place
from pytest_ebpf.session.workspace import Workspace


@pytest.fixture(scope="module")
def fleet():
    made = Fleet(KernelStore(lock=None, say=print), accelerator_request="tcg", say=print)
    yield made
    made.close()


@pytest.fixture(params=["5.10", "7.2"])
def test_of(request, fleet, tmp_path):
    """``test_of()`` is the fixture ``ebpf`` of the next test of a module."""
    workspace = Workspace(None, tmp_path, say=print)
    return lambda: Ebpf(workspace, Place(fleet, request.param, "module", "test_x.py", math.inf))


@pytest.fixture
def stats(vm_objects):
    return str(vm_objects("maps"))


def processes(ebpf) -> set[str]:
    """The commands that run in the guest, those of the kernel left out."""
    names = set()
    with ebpf.guest.process("looker") as looker:
        for pid in looker.listdir("/proc"):
            if pid.isdigit() and looker.access(f"/proc/{pid}/exe"):
                names.add(ebpf.guest.files.read(f"/proc/{pid}/comm").decode().strip())
    return names - {"looker"}


def devices(ebpf) -> set[str]:
    return set(ebpf.guest.process_self.listdir("/sys/class/net"))


def listed(ebpf, path: str) -> list[str]:
    return ebpf.guest.process_self.listdir(path)


def test_processes_devices_namespaces_and_groups_are_gone(test_of):
    first = test_of()
    before = processes(first), devices(first)
    guest = first.guest
    guest.process("leftover")
    guest.start(["sleep", "1000"])
    there = guest.namespace("there")
    there.process("inside")
    guest.veth("near0", "far0", netns=there)
    group = guest.cgroup("kept")
    group.group("within").add(guest.process("grouped"))
    assert processes(first) - before[0] >= {"leftover", "sleep", "inside", "grouped"}
    assert devices(first) - before[1] == {"near0"}
    first.close()

    second = test_of()
    assert second._place.running is None
    assert processes(second) - {"test"} == before[0] - {"test"}
    assert devices(second) == before[1]
    assert listed(second, "/run/netns") == []
    assert "kept" not in listed(second, "/sys/fs/cgroup")
    assert second._place.running is first._place.running
    second.close()


def test_commands_are_installed_once(test_of, monkeypatch):
    first = test_of()
    first.guest.run(["true"])
    first.close()
    second = test_of()
    sent = []
    monkeypatch.setattr(second._guest, "batch", lambda calls: sent.append(calls) or [])
    second.guest.run(["true"])
    assert sent == []
    monkeypatch.undo()
    second.close()


def test_links_objects_and_pins_are_gone(test_of, vm_objects, stats):
    first = test_of()
    tool = first.load(str(vm_objects("links")), autoload={"on_raw_tracepoint": True})
    tool.programs.on_raw_tracepoint.attach().pin("/sys/fs/bpf/link")
    pinned = first.load(stats, pin={"totals": True, "rules": "/sys/fs/bpf/mine/rules"})
    assert sorted(listed(first, "/sys/fs/bpf")) == ["link", "mine", "totals"]
    pinned.maps.totals[0] = {"packets": 7}
    first.close()

    second = test_of()
    assert listed(second, "/sys/fs/bpf/mine") == []
    assert not {"link", "totals"} & set(listed(second, "/sys/fs/bpf"))
    again = second.load(stats, pin={"totals": True})
    assert again.maps.totals[0].packets == 0
    second.close()


def test_what_an_object_asks_to_be_pinned_is_not(test_of, vm_objects):
    ebpf = test_of()
    ebpf.load(str(vm_objects("pinned")))
    assert "by_name" not in listed(ebpf, "/sys/fs/bpf")
    ebpf.close()


def test_an_error_while_tidying_leaves_nothing_behind(test_of):
    first = test_of()
    guest = first.guest
    guest.process("leftover")
    gone = guest.cgroup("gone")
    guest.cgroup("other")
    guest.process_self.rmdir(gone.path)
    with pytest.raises(GuestError, match=r"cgroup/gone.: cgroup\.procs: cannot be read \(ENOENT"):
        first.close()
    second = test_of()
    assert "leftover" not in processes(second)
    assert "other" not in listed(second, "/sys/fs/cgroup")
    second.close()
