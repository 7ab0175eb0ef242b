"""Attachments that the agent's op does not make: to sockets by ``setsockopt``, to routes by netlink."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pytest_ebpf.bpf.attaching.rows import Held, Row, Settings
from pytest_ebpf.bpf.sources import HasIfindex
from pytest_ebpf.errors import AttachError, GuestError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.hooks import Hook

#: System calls of x86-64, and options of ``include/uapi/asm-generic/socket.h``.
_CLOSE, _SETSOCKOPT, _SOL_SOCKET = 3, 54, 1
_OPTIONS: Final = {"socket": (50, 27), "reuseport": (52, 68)}


class Route(Protocol):
    """A route that was added."""

    def close(self) -> None:
        """Forget it."""


class Router(HasIfindex, Protocol):
    """A network device that can be given routes with programs on them."""

    def add_route(
        self, destination: str, *, via: str | None, programs: Mapping[str, Any], headroom: int
    ) -> Route:
        """Add one."""


@dataclass
class _OnSocket:
    """A program on a socket of a process of the guest, by ``setsockopt``."""

    guest: Guest
    process: int
    fd: int
    option: int
    handle: int | None = None
    mode: str | None = None

    def detach(self) -> None:
        """Take it off; nothing is left to do where the socket or its process is gone."""
        none = struct.pack("=i", 0)
        with suppress(GuestError):
            _call(self.guest, self.process, _SETSOCKOPT, self.fd, _SOL_SOCKET, self.option, none, len(none))


def _socket(hook: Hook, settings: Settings, where: str) -> Settings:
    source = getattr(settings["socket"], "fd_source", None)
    if not isinstance(source, dict) or "process" not in source:
        raise UsageError(
            f"socket: not one of a process of the guest ({settings['socket']!r})",
            where=where,
            hint="make one with ebpf.guest.process().socket()",
        )
    on, off = _OPTIONS["socket" if hook.kind.prefix == "socket" else "reuseport"]
    return {"source": source, "on": on, "off": off}


def _on_socket(guest: Guest, prog: int, args: Settings, where: str) -> Held:
    process, fd = args["source"]["process"], args["source"]["fd"]
    given: int = guest.call("give", process=process, of={"prog": prog})["fd"]
    value = struct.pack("=i", given)
    try:
        _call(guest, process, _SETSOCKOPT, fd, _SOL_SOCKET, args["on"], value, len(value))
    except GuestError as error:
        raise AttachError(
            f"cannot attach it to the socket: {error.what}", where=where, errno=error.errno
        ) from error
    finally:
        _call(guest, process, _CLOSE, given)
    return _OnSocket(guest, process, fd, args["off"])


def _call(guest: Guest, process: int, number: int, *args: Any) -> None:
    ((result, _),) = guest.call("sys", process=process, calls=[[number, list(args)]])
    if result < 0:
        raise GuestError(os.strerror(-result), errno=-result)


@dataclass
class _OnRoute:
    """A program on a route, which was added for it."""

    route: Route
    handle: int | None = None
    mode: str | None = None

    def detach(self) -> None:
        """Forget the route."""
        self.route.close()


@dataclass(frozen=True)
class _Shown:
    """A program as a route has it: by its number, and by a name for ``ip route`` to show."""

    handle: int
    name: str


def _route(hook: Hook, settings: Settings, where: str) -> Settings:
    device = settings["interface"]
    if not hasattr(device, "add_route"):
        raise UsageError(
            f"interface: not a device of the guest ({device!r})",
            where=where,
            hint=f"attach(interface=ebpf.guest.device({str(device)!r}))",
        )
    return {**settings, "point": hook.kind.prefix.removeprefix("lwt_")}


def _route_target(_: Hook, settings: Settings) -> str:
    return f"route {settings['route']}"


def _on_route(_: Guest, prog: int, args: Settings, where: str) -> Held:
    device: Router = args["interface"]
    shown = _Shown(prog, where.removeprefix("programs."))
    try:
        route = device.add_route(
            args["route"],
            via=args.get("via"),
            programs={args["point"]: shown},
            headroom=args.get("headroom", 0),
        )
    except GuestError as error:
        raise AttachError(
            f"cannot attach it to route {args['route']}: {error.what}",
            where=where,
            hint=error.hint,
            errno=error.errno,
        ) from error
    return _OnRoute(route)


PERFORMED_ROWS: Final[Mapping[str, Row]] = {
    "socket": Row(arguments=_socket, perform=_on_socket),
    "reuseport": Row(arguments=_socket, perform=_on_socket),
    "lwt": Row(arguments=_route, target=_route_target, perform=_on_route),
}
