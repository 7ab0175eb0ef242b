"""Requests about routes, which may have programs on them (lightweight tunnels); nothing is sent here.

Source: ``include/uapi/linux/{rtnetlink,lwtunnel,seg6_local}.h``; the programs are read by
``net/core/lwt_bpf.c`` and ``net/ipv6/seg6_local.c``.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Mapping
from typing import Final

from pytest_ebpf.errors import UsageError
from pytest_ebpf.system.netlink import NESTED, Flag, Request, attribute, nested, text, u16, u32
from pytest_ebpf.system.rtnetlink import ip_address

NEWROUTE: Final = 24
DELROUTE: Final = 25

_RTMSG: Final = struct.Struct("=BBBBBBBBI")
_RT_TABLE_MAIN, _RTPROT_BOOT, _RTN_UNICAST = 254, 3, 1
_RT_SCOPE_UNIVERSE, _RT_SCOPE_LINK, _RT_SCOPE_NOWHERE = 0, 253, 255
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_ENCAP_TYPE, _RTA_ENCAP = 1, 4, 5, 21, 22
_LWTUNNEL_ENCAP_BPF, _LWTUNNEL_ENCAP_SEG6_LOCAL = 6, 7
_PROG_FD, _PROG_NAME = 1, 2
_XMIT_HEADROOM: Final = 4
_SEG6_LOCAL_ACTION, _SEG6_LOCAL_BPF = 1, 8
_ACTION_END_BPF: Final = 15

#: ``LWT_BPF_IN``, ``_OUT`` and ``_XMIT``: where along a route a program runs.
HOOKS: Final = {"in": 1, "out": 2, "xmit": 3}

#: What stands for the action ``End.BPF`` of a segment among the programs of a route: it is alone there.
SEGMENT: Final = "seg6local"


def add_route(
    destination: str,
    ifindex: int,
    *,
    via: str | None = None,
    programs: Mapping[str, tuple[int, str]] | None = None,
    headroom: int = 0,
) -> Request:
    """Send what goes to *destination* (``"10.1.0.0/16"``) out of a device, *via* a next hop if there is one.

    *programs* are descriptors, in the process that asks, and names, by where they run: those of
    :data:`HOOKS`, or :data:`SEGMENT`.
    *headroom* is the bytes that an xmit program may push in front of a packet, at most 256.
    """
    more = _encapsulation(programs, headroom) if programs else b""
    body = _body(destination, via, _RTPROT_BOOT) + more + attribute(_RTA_OIF, u32(ifindex))
    return Request(NEWROUTE, Flag.CREATE | Flag.EXCL, body, f"route {destination}")


def delete_route(destination: str, ifindex: int, *, via: str | None = None) -> Request:
    """Forget a route."""
    body = _body(destination, via, 0) + attribute(_RTA_OIF, u32(ifindex))
    return Request(DELROUTE, Flag(0), body, f"route {destination}")


def _body(destination: str, via: str | None, protocol: int) -> bytes:
    """The message of a route without its device; no *protocol* (who made it): any, for one to be deleted."""
    network = _network(destination)
    inet = network.version == 4
    family = socket.AF_INET if inet else socket.AF_INET6
    scope = _scope(protocol, direct=inet and via is None)
    kind = _RTN_UNICAST if protocol else 0
    body = _RTMSG.pack(family, network.prefixlen, 0, 0, _RT_TABLE_MAIN, protocol, scope, kind, 0)
    if network.prefixlen:
        body += attribute(_RTA_DST, network.network_address.packed)
    if via is not None:
        hop = ip_address(via)
        if hop.version != network.version:
            raise UsageError(f"{via} is no next hop of IPv{network.version}", where=f"route {destination}")
        body += attribute(_RTA_GATEWAY, hop.packed)
    return body


def _scope(protocol: int, *, direct: bool) -> int:
    if not protocol:
        return _RT_SCOPE_NOWHERE
    return _RT_SCOPE_LINK if direct else _RT_SCOPE_UNIVERSE


def _network(destination: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(destination)
    except ValueError as error:
        raise UsageError(
            f'"{destination}" is no network ({error})', where="route", hint='write it like "10.1.0.0/16"'
        ) from error


def _encapsulation(programs: Mapping[str, tuple[int, str]], headroom: int) -> bytes:
    if SEGMENT in programs:
        action = attribute(_SEG6_LOCAL_ACTION, u32(_ACTION_END_BPF))
        held, kind = [action, _program(_SEG6_LOCAL_BPF, *programs[SEGMENT])], _LWTUNNEL_ENCAP_SEG6_LOCAL
    else:
        held, kind = [attribute(_XMIT_HEADROOM, u32(headroom))] if headroom else [], _LWTUNNEL_ENCAP_BPF
        held += [_program(HOOKS[hook], *program) for hook, program in programs.items()]
    return nested(NESTED | _RTA_ENCAP, *held) + attribute(_RTA_ENCAP_TYPE, u16(kind))


def _program(number: int, fd: int, name: str) -> bytes:
    return nested(NESTED | number, attribute(_PROG_FD, u32(fd)), attribute(_PROG_NAME, text(name)))
