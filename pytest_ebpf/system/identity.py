"""Whom a process of the guest runs as, and where: user, groups, capabilities, cgroup, network namespace."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from enum import IntEnum
from typing import Any, Protocol, TypedDict

from pytest_ebpf.errors import UsageError
from pytest_ebpf.suggest import closest, suggestion


class Capability(IntEnum):
    """Capabilities by number, ``include/uapi/linux/capability.h``."""

    CHOWN = 0
    DAC_OVERRIDE = 1
    DAC_READ_SEARCH = 2
    FOWNER = 3
    FSETID = 4
    KILL = 5
    SETGID = 6
    SETUID = 7
    SETPCAP = 8
    LINUX_IMMUTABLE = 9
    NET_BIND_SERVICE = 10
    NET_BROADCAST = 11
    NET_ADMIN = 12
    NET_RAW = 13
    IPC_LOCK = 14
    IPC_OWNER = 15
    SYS_MODULE = 16
    SYS_RAWIO = 17
    SYS_CHROOT = 18
    SYS_PTRACE = 19
    SYS_PACCT = 20
    SYS_ADMIN = 21
    SYS_BOOT = 22
    SYS_NICE = 23
    SYS_RESOURCE = 24
    SYS_TIME = 25
    SYS_TTY_CONFIG = 26
    MKNOD = 27
    LEASE = 28
    AUDIT_WRITE = 29
    AUDIT_CONTROL = 30
    SETFCAP = 31
    MAC_OVERRIDE = 32
    MAC_ADMIN = 33
    SYSLOG = 34
    WAKE_ALARM = 35
    BLOCK_SUSPEND = 36
    AUDIT_READ = 37
    PERFMON = 38
    BPF = 39
    CHECKPOINT_RESTORE = 40


class Place(Protocol):
    """What lies at a path of the guest: a cgroup, a network namespace."""

    @property
    def path(self) -> str:
        """Its path."""


Caps = int | Iterable[int | str]


class Identity(TypedDict, total=False):
    """What of a process may be chosen. What is not given is the agent's: root, with all it may do.

    A *uid* alone brings a *gid* of the same number and no *groups*. *caps* are the capabilities kept: a mask,
    or numbers and names (``"net_admin"``, ``"CAP_NET_ADMIN"``); without it root has all of them, everybody
    else none. *cgroup* and *netns* are paths, or what has one.
    """

    uid: int | None
    gid: int | None
    groups: Iterable[int] | None
    caps: Caps | None
    cgroup: str | Place | None
    netns: str | Place | None


def caps_mask(caps: Caps) -> int:
    """Return *caps* as a mask; :class:`~pytest_ebpf.errors.UsageError` for a name that is none."""
    if isinstance(caps, int):
        return caps
    mask = 0
    for each in [caps] if isinstance(caps, str) else caps:
        mask |= 1 << (_by_name(each) if isinstance(each, str) else each)
    return mask


def _by_name(name: str) -> Capability:
    short = name.upper().removeprefix("CAP_")
    if short in Capability.__members__:
        return Capability[short]
    near = closest(short, Capability.__members__)
    hint = f'did you mean "{near.lower()}"?' if near else "see capabilities(7)"
    raise UsageError(f'no capability "{name}"', where="caps", hint=hint)


def path_of(place: str | os.PathLike[str] | Place) -> str:
    """Return the path that *place* is or has."""
    return os.fspath(place) if isinstance(place, str | os.PathLike) else place.path


def check_keywords(where: str, given: Iterable[str], known: Collection[str]) -> None:
    """:class:`UsageError` for the first of *given* that is no keyword: ignored, it would not be missed."""
    for name in given:
        if name not in known:
            raise UsageError(f'takes no "{name}"', where=where, hint=suggestion(name, known))


def identity_arguments(identity: Identity) -> dict[str, Any]:
    """Return *identity* as the agent takes it."""
    args: dict[str, Any] = {}
    for name in ("uid", "gid"):
        if (number := identity.get(name)) is not None:
            args[name] = number
    if (groups := identity.get("groups")) is not None:
        args["groups"] = list(groups)
    if (caps := identity.get("caps")) is not None:
        args["caps"] = caps_mask(caps)
    for name in ("cgroup", "netns"):
        if (place := identity.get(name)) is not None:
            args[name] = path_of(place)  # type: ignore[arg-type]  # one of the two literals
    return args
