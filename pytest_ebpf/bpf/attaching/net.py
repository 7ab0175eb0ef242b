"""Attachments to network devices, network namespaces, cgroups and maps of sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_ebpf.bpf.attaching import net_causes as causes
from pytest_ebpf.bpf.attaching.rows import Row, Settings
from pytest_ebpf.bpf.sources import HasIfindex
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


def _interface_target(_: Hook, settings: Settings) -> str:
    return f'interface "{getattr(settings["interface"], "name", settings["interface"])}"'


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


NET_ROWS: Final[Mapping[str, Row]] = {
    "xdp": Row(arguments=_interface, target=_interface_target, cause=causes.no_xdp),
    "tc": Row(_tc_section, _interface, _interface_target, cause=causes.no_place),
    "tcx": Row(arguments=_interface, target=_interface_target, cause=causes.no_tcx),
    "netkit": Row(arguments=_interface, target=_interface_target, cause=causes.no_netkit),
    "netfilter": Row(arguments=_netfilter, target=_netfilter_target, cause=causes.no_place),
    "netns": Row(target=_netns_target, cause=causes.no_place),
    "cgroup": Row(arguments=_cgroup, target=_cgroup_target, cause=causes.no_cgroup),
    "sockmap": Row(target=_map_target, cause=causes.no_sockmap),
}
