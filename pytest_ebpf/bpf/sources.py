"""What of the guest a test has in hand: descriptors, paths, processes, what the agent has numbers for.

Who has a descriptor in the guest says so by an attribute ``fd_source``, in the words of the protocol
(``{"process": 3, "fd": 5}``); who stands for a path there by ``path``; who stands for a process by ``pid``.
Objects need be nothing of this project's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from pytest_ebpf.errors import UsageError

Source = dict[str, Any]


@runtime_checkable
class HasDescriptor(Protocol):
    """What has a descriptor in the guest: a socket."""

    @property
    def fd_source(self) -> Mapping[str, Any]:
        """Where the agent finds it."""


@runtime_checkable
class HasPath(Protocol):
    """What a path of the guest stands for: a cgroup, a network namespace, a file."""

    @property
    def path(self) -> str:
        """The path."""


@runtime_checkable
class HasPid(Protocol):
    """A process of the guest."""

    @property
    def pid(self) -> int:
        """Its number."""


@runtime_checkable
class HasHandle(Protocol):
    """What the guest's agent knows by a number: a map, a program."""

    @property
    def handle(self) -> int:
        """The number."""


@runtime_checkable
class HasIfindex(Protocol):
    """A network device of the guest; *netns* is its namespace (with a path), None for the first one."""

    ifindex: int
    name: str

    @property
    def netns(self) -> Any:
        """Its network namespace."""


def handle_of(value: Any, where: str, wanted: str) -> int:
    """The agent's number of *value*; UsageError if it is not *wanted*, or is not there any more."""
    if not isinstance(value, HasHandle):
        raise UsageError(f"{value!r} is not {wanted}", where=where, hint=f"give {wanted} that is loaded")
    return value.handle


def source_of(value: Any, where: str, *, wanted: str = "what has a descriptor") -> Source:
    """Say in the words of the protocol where the descriptor of *value* is; UsageError if it has none.

    Taken are objects with ``fd_source``, ``path`` or ``pid``, and paths.
    """
    if isinstance(value, HasDescriptor):
        return dict(value.fd_source)
    if isinstance(value, (str, os.PathLike)):
        return {"path": os.fspath(value)}
    if isinstance(value, HasPath):
        return {"path": os.fspath(value.path)}
    if isinstance(value, HasPid):
        return {"pid": value.pid}
    raise UsageError(f"{value!r} is not {wanted}", where=where, hint="give a socket, a process or a path")


def task_of(value: Any, where: str) -> Source:
    """The same for a process, which may be given by its number, too."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"pid": value}
    if isinstance(value, HasPid):
        return {"pid": value.pid}
    raise UsageError(f"{value!r} is not a process", where=where, hint="give a process, or its pid")
