"""Control groups of the guest."""

from __future__ import annotations

import pytest

from pytest_ebpf.errors import GuestError, UsageError


@pytest.fixture(params=("5.10", "7.2"))
def line(request):
    """The oldest kernel and the newest: what differs between them says so."""
    return request.param


def test_processes_in_a_group(system):
    group = system.cgroup("one")
    process = system.process()
    assert group.pids == ()
    assert group.add(process).pids == (process.pid,)
    inside = system.process(cgroup=group)
    assert set(group.pids) == {process.pid, inside.pid}
    assert system.files.text(f"/proc/{inside.pid}/cgroup") == "0::/one"
    assert system.run(["cat", "/proc/self/cgroup"], cgroup=group).stdout == "0::/one\n"


def test_groups_within_groups(system):
    group = system.cgroup("one")
    child = group.group("two")
    child.add(system.process().pid)
    assert (child.name, child.path) == ("two", "/sys/fs/cgroup/one/two")
    assert len(child.pids) == 1
    assert group.pids == ()
    assert group.id != child.id


def test_what_runs_in_a_group_that_is_removed_goes_on(system):
    with system.cgroup("one") as group:
        process = system.process(cgroup=group.group("two"))
    assert process.getpid() == process.pid
    assert system.files.text(f"/proc/{process.pid}/cgroup") == "0::/"
    system.cgroup("one").close()


def test_processes_that_end_do_not_hold_a_group(system):
    group = system.cgroup("one")
    for _ in range(5):
        system.process(cgroup=group).end()
    group.close()
    group.close()


def test_what_the_kernel_refuses(system):
    group = system.cgroup("one")
    for make, text in (
        (
            lambda: system.cgroup("one"),
            'cgroup "/sys/fs/cgroup/one": File exists; take another name, or close the one that has it',
        ),
        (
            lambda: group.add(999_999),
            "cgroup \"/sys/fs/cgroup/one\": cgroup.procs: '999999' is not taken (ESRCH: No such process)",
        ),
        (
            lambda: group.write("nothing.max", "1"),
            "cgroup \"/sys/fs/cgroup/one\": nothing.max: '1' is not taken (EACCES: Permission denied)",
        ),
    ):
        with pytest.raises(GuestError) as caught:
            make()
        assert str(caught.value) == text


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\0b"])
def test_names_that_are_none(system, name):
    with pytest.raises(UsageError) as caught:
        system.cgroup(name)
    assert str(caught.value) == f'"{name}" is no name of a cgroup; use a name that a folder can have'
