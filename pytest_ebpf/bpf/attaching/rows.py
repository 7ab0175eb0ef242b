"""What a row of the tables of attachments is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_ebpf.bpf.attaching import places
from pytest_ebpf.errors import AttachError, EbpfError, UnsupportedError
from pytest_ebpf.guest import Guest
from pytest_ebpf.hooks import Hook

Settings = Mapping[str, Any]


class Held(Protocol):
    """A program that is attached."""

    #: The agent's number of the link; None where the agent has none.
    handle: int | None
    #: The way of attaching that is in effect (xdp: native or generic), where there are several.
    mode: str | None

    def detach(self) -> None:
        """Take it off."""


@dataclass(frozen=True)
class Failure:
    """An attachment of a program of *kind* that failed; *again*: it was attached before, and is no more.

    *target* is the place as messages name it. *attaches* tries it with other arguments, and says whether
    that works.
    """

    guest: Guest
    where: str
    kind: str
    target: str
    args: Settings
    errno: int
    log: str
    again: bool
    attaches: Callable[[Settings], bool]

    def refused(self, what: str, hint: str | None = None) -> AttachError:
        """The error that says *what* is wrong with the place, or with the settings."""
        return AttachError(what, where=self.where, hint=hint, errno=self.errno, log=self.log)

    def unsupported(self, what: str, hint: str = places.NEWER) -> UnsupportedError:
        """The error that says *what* this kernel does not do."""
        return UnsupportedError(what, where=self.where, hint=hint)

    def not_there(self, what: str, name: str, hint: str | None) -> EbpfError:
        """The error for a place that this kernel does not have: *what*, called *name* in its BTF."""
        return places.not_there(self.guest, self.where, what, name, hint=hint)


def no_cause(_: Failure) -> EbpfError | None:
    """Nothing more is known than what the kernel says."""
    return None


def nothing(_: Hook) -> Settings:
    """A section that gives no settings."""
    return {}


def as_they_are(_: Hook, settings: Settings, __: str) -> Settings:
    """Settings that are the agent's own."""
    return settings


def no_target(_: Hook, __: Settings) -> str:
    """No place that could be named."""
    return ""


@dataclass(frozen=True)
class Row:
    """One way to attach.

    *from_section* gives the settings that the section holds, *arguments* writes settings for the agent's op
    ``attach`` (its last argument is where errors are), *target* names the place for messages. Where the
    agent's op does not do it, *perform* does, given the guest, the program's handle, the arguments, and where
    errors are then.
    *cause* says after a failure what is missing, if that can be found out.
    """

    from_section: Callable[[Hook], Settings] = nothing
    arguments: Callable[[Hook, Settings, str], Settings] = as_they_are
    target: Callable[[Hook, Settings], str] = no_target
    perform: Callable[[Guest, int, Settings, str], Held] | None = None
    cause: Callable[[Failure], EbpfError | None] = no_cause
