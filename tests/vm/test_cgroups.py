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
            lambda: group.write("pids.max", "some"),
            "cgroup \"/sys/fs/cgroup/one\": pids.max: 'some' is not taken (EINVAL: Invalid argument)",
        ),
        (
            lambda: group.write("nothing.max", "1"),
            'cgroup "/sys/fs/cgroup/one": no file "nothing.max"; controllers of this kernel: cpuset cpu',
        ),
    ):
        with pytest.raises(GuestError) as caught:
            make()
        assert str(caught.value).replace(", ", " ").startswith(text.replace(", ", " "))


def test_controllers_are_enabled_as_they_are_needed(system):
    group = system.cgroup("outer").group("inner")
    assert group.read("pids.current") == "0\n"
    group.write("pids.max", "1")
    system.process(cgroup=group)
    with pytest.raises(BlockingIOError):  # EAGAIN
        system.process(cgroup=group).fork()


def test_a_group_with_processes_gives_its_groups_no_controllers(system):
    outer = system.cgroup("outer")
    inner = outer.group("inner")
    system.process(cgroup=outer)
    with pytest.raises(GuestError) as caught:
        inner.write("memory.max", "1000000")
    assert str(caught.value) == (
        'cgroup "/sys/fs/cgroup/outer/inner": /sys/fs/cgroup/outer/cgroup.subtree_control: '
        "+memory is not taken (EBUSY: Device or resource busy); "
        "a group that has processes gives its groups no controllers"
    )


def test_a_group_that_was_closed(system):
    group = system.cgroup("one")
    group.close()
    for use in (
        lambda: group.add(1),
        lambda: group.read("cgroup.procs"),
        lambda: group.group("two"),
        lambda: system.process(cgroup=group),
    ):
        with pytest.raises(UsageError) as caught:
            use()
        assert str(caught.value) == (
            'cgroup "/sys/fs/cgroup/one": was closed; make another: ebpf.guest.cgroup(...)'
        )


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\0b"])
def test_names_that_are_none(system, name):
    with pytest.raises(UsageError) as caught:
        system.cgroup(name)
    assert str(caught.value) == f'"{name}" is no name of a cgroup; use a name that a file can have'
