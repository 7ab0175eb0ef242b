"""Attachments to network devices, network namespaces, cgroups, maps of sockets, sockets and routes."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from pytest_ebpf.bpf.attaching import net_causes as causes
from pytest_ebpf.bpf.attaching.rows import Held, Row, Settings
from pytest_ebpf.errors import AttachError, GuestError, UsageError
from pytest_ebpf.guest import Guest
from pytest_ebpf.hooks import Hook
from pytest_ebpf.uapi import AttachType

#: ``enum nf_inet_hooks`` and the two families that the kernel attaches to.
_NF_POINTS: Final = {"prerouting": 0, "local_in": 1, "forward": 2, "local_out": 3, "postrouting": 4}
_NF_FAMILIES: Final = {"ipv4": 2, "ipv6": 10}

#: Of a section that leaves it open, ``cgroup/skb``.
_SKB_POINTS: Final = {
    "ingress": int(AttachType.CGROUP_INET_INGRESS),
    "egress": int(AttachType.CGROUP_INET_EGRESS),
}

#: System calls of x86-64, and options of ``include/uapi/asm-generic/socket.h``.
_CLOSE, _SETSOCKOPT, _SOL_SOCKET = 3, 54, 1
_OPTIONS: Final = {"socket": (50, 27), "reuseport": (52, 68)}


class Route(Protocol):
    """A route that was added."""

    def close(self) -> None:
        """Forget it."""


@runtime_checkable
class HasIfindex(Protocol):
    """A network device of the guest; *netns* is its namespace (with a path), None for the first one."""

    ifindex: int
    name: str

    @property
    def netns(self) -> Any:
        """Its network namespace."""


class Router(HasIfindex, Protocol):
    """A network device that can be given routes with programs on them."""

    def add_route(
        self, destination: str, *, via: str | None, programs: Mapping[str, Any], headroom: int
    ) -> Route:
        """Add one."""


def _named(interface: Any) -> str:
    return f'interface "{getattr(interface, "name", interface)}"'


def _interface_target(_: Hook, settings: Settings) -> str:
    return _named(settings["interface"])


def _interface(_: Hook, settings: Settings, __: str) -> Settings:
    """A device by its number, in its network namespace unless another is given."""
    device = settings["interface"]
    if not isinstance(device, HasIfindex):
        return settings
    netns = {"netns": device.netns.path} if device.netns else {}
    return {**netns, **settings, "interface": device.ifindex}


def _tc_section(hook: Hook) -> Settings:
    _, _, point = hook.kind.prefix.partition("/")
    return {"point": point} if point else {}


def _netfilter(_: Hook, settings: Settings, __: str) -> Settings:
    given = {name: value for name, value in settings.items() if name not in {"family", "point"}}
    return {**given, "pf": _NF_FAMILIES[settings["family"]], "hook": _NF_POINTS[settings["point"]]}


def _netfilter_target(_: Hook, settings: Settings) -> str:
    return f"{settings['family']} {settings['point']}"


def _netns_target(_: Hook, settings: Settings) -> str:
    found = settings.get("netns")
    return f'network namespace "{getattr(found, "path", found)}"' if found else "the network namespace"


def _cgroup(_: Hook, settings: Settings, __: str) -> Settings:
    if "point" not in settings:
        return settings
    given = {name: value for name, value in settings.items() if name != "point"}
    return {**given, "attach_type": _SKB_POINTS[settings["point"]]}


def _cgroup_target(_: Hook, settings: Settings) -> str:
    return f'cgroup "{getattr(settings["cgroup"], "path", settings["cgroup"])}"'


def _map_target(_: Hook, settings: Settings) -> str:
    return f'map "{getattr(settings["map"], "name", settings["map"])}"'


def _program(where: str) -> str:
    """Where a program is that the settings of its attachment are at."""
    return where.removesuffix(": attach")


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
    return {"source": source, "on": on, "off": off, "where": _program(where)}


def _on_socket(guest: Guest, prog: int, args: Settings) -> Held:
    process, fd = args["source"]["process"], args["source"]["fd"]
    given: int = guest.call("give", process=process, of={"prog": prog})["fd"]
    value = struct.pack("=i", given)
    try:
        _call(guest, process, _SETSOCKOPT, fd, _SOL_SOCKET, args["on"], value, len(value))
    except GuestError as error:
        raise AttachError(
            f"cannot attach it to the socket: {error.what}", where=args["where"], errno=error.errno
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
    return {**settings, "point": hook.kind.prefix.removeprefix("lwt_"), "where": _program(where)}


def _route_target(_: Hook, settings: Settings) -> str:
    return f"route {settings['route']}"


def _on_route(guest: Guest, prog: int, args: Settings) -> Held:
    del guest
    device: Router = args["interface"]
    shown = _Shown(prog, args["where"].removeprefix("programs."))
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
            where=args["where"],
            hint=error.hint,
            errno=error.errno,
        ) from error
    return _OnRoute(route)


NET_ROWS: Final[Mapping[str, Row]] = {
    "xdp": Row(arguments=_interface, target=_interface_target, cause=causes.no_xdp),
    "tc": Row(_tc_section, _interface, _interface_target, cause=causes.no_place),
    "tcx": Row(arguments=_interface, target=_interface_target, cause=causes.no_tcx),
    "netkit": Row(arguments=_interface, target=_interface_target, cause=causes.no_netkit),
    "netfilter": Row(arguments=_netfilter, target=_netfilter_target, cause=causes.no_place),
    "netns": Row(target=_netns_target, cause=causes.no_place),
    "cgroup": Row(arguments=_cgroup, target=_cgroup_target, cause=causes.no_cgroup),
    "sockmap": Row(target=_map_target, cause=causes.no_sockmap),
    "socket": Row(arguments=_socket, perform=_on_socket),
    "reuseport": Row(arguments=_socket, perform=_on_socket),
    "lwt": Row(arguments=_route, target=_route_target, perform=_on_route),
}
