"""Where a descriptor comes from, told by what a test has in hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pytest

from pytest_ebpf.bpf.sources import source_of, task_of
from pytest_ebpf.errors import UsageError


@dataclass
class Socket:
    fd_source: dict = field(default_factory=lambda: {"process": 3, "fd": 5})


@dataclass
class Group:
    path: str = "/sys/fs/cgroup/edge"


@dataclass
class Process:
    pid: int = 17


@pytest.mark.parametrize(
    ("value", "source"),
    [
        (Socket(), {"process": 3, "fd": 5}),
        (Group(), {"path": "/sys/fs/cgroup/edge"}),
        (Process(), {"pid": 17}),
        ("/etc/passwd", {"path": "/etc/passwd"}),
        (PurePosixPath("/etc/passwd"), {"path": "/etc/passwd"}),
    ],
)
def test_what_has_a_descriptor(value, source):
    assert source_of(value, "maps.m") == source


def test_what_has_none():
    with pytest.raises(UsageError) as caught:
        source_of(3, "maps.socks[0]", wanted="a socket")
    assert str(caught.value) == "maps.socks[0]: 3 is not a socket; give a socket, a process or a path"


def test_a_task_is_a_process_or_its_number():
    assert task_of(17, "maps.m") == task_of(Process(), "maps.m") == {"pid": 17}


@pytest.mark.parametrize("value", [True, "init", Group()])
def test_what_is_no_task(value):
    with pytest.raises(UsageError) as caught:
        task_of(value, "maps.tasks")
    assert str(caught.value) == f"maps.tasks: {value!r} is not a process; give a process, or its pid"
