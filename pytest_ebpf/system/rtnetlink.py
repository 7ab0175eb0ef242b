"""Requests about network devices, addresses and neighbours, as bytes; nothing is sent here.

Source: ``include/uapi/linux/{rtnetlink,if_link,if_addr,neighbour,veth}.h``.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.errors import ProtocolError, UsageError
from pytest_ebpf.system.netlink import (
    Flag,
    Message,
    Request,
    attribute,
    attributes,
    nested,
    string,
    text,
    u8,
    u32,
)

NEWLINK: Final = 16
DELLINK: Final = 17
GETLINK: Final = 18
NEWADDR: Final = 20
DELADDR: Final = 21
NEWNEIGH: Final = 28
DELNEIGH: Final = 29

#: ``IFNAMSIZ`` has room for a zero at the end.
NAME_MAX: Final = 15

_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")

_IFINFO: Final = struct.Struct("=BxHiII")
_IFADDR: Final = struct.Struct("=BBBBI")
_NDMSG: Final = struct.Struct("=B3xiHBB")

_IFF_UP: Final = 1
_IFA_F_NODAD: Final = 2
_NUD_PERMANENT: Final = 0x80

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _IFLA_AF_SPEC, _IFLA_NET_NS_FD = 1, 3, 4, 18, 26, 28
_INET6_ADDR_GEN_MODE, _ADDR_GEN_NONE = 8, 1
_INFO_KIND, _INFO_DATA = 1, 2
_VETH_INFO_PEER: Final = 1
_NETKIT_PEER_INFO, _NETKIT_POLICY, _NETKIT_MODE, _NETKIT_PEER_POLICY = 1, 3, 5, 4
_VXLAN_ID, _VXLAN_GROUP, _VXLAN_LINK, _VXLAN_LOCAL, _VXLAN_PORT, _VXLAN_METADATA = 1, 2, 3, 4, 15, 25
_VXLAN_GROUP6, _VXLAN_LOCAL6 = 16, 17
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_NDA_DST, _NDA_LLADDR = 1, 2

#: ``enum netkit_mode`` and ``enum netkit_action`` as they are called by ``ip link``.
NETKIT_MODES: Final = {"l2": 0, "l3": 1}
NETKIT_POLICIES: Final = {"forward": 0, "blackhole": 2}


@dataclass(frozen=True)
class NewLink:
    """A device to be made: its *kind*, its *name*, and what only some kinds have.

    *netns* is a descriptor of the network namespace that gets it, in the process that asks.
    """

    kind: str
    name: str
    data: bytes = b""
    mac: str | None = None
    mtu: int | None = None
    netns: int | None = None

    def request(self) -> Request:
        """The request that makes it."""
        check_name(self.name)
        info = [attribute(_INFO_KIND, self.kind.encode())]
        if self.data:
            info.append(nested(_INFO_DATA, self.data))
        body = _ifinfo() + self._common() + nested(_IFLA_LINKINFO, *info)
        return Request(NEWLINK, Flag.CREATE | Flag.EXCL, body, f'{self.kind} "{self.name}"')

    def as_peer(self) -> bytes:
        """What the data of the other end of a pair holds of this one."""
        check_name(self.name)
        return _ifinfo() + self._common()

    def _common(self) -> bytes:
        return attribute(_IFLA_IFNAME, text(self.name)) + _settings(
            mac=self.mac, mtu=self.mtu, netns=self.netns
        )


@dataclass(frozen=True)
class LinkFacts:
    """What the kernel says of a device; *kind* is "" for those that nobody made (``lo``, a NIC)."""

    name: str
    ifindex: int
    up: bool
    mac: str
    mtu: int
    kind: str


def veth(name: str, peer: NewLink, *, mtu: int | None = None) -> NewLink:
    """A pair of Ethernet devices: what one sends the other receives."""
    return NewLink("veth", name, nested(_VETH_INFO_PEER, peer.as_peer()), mtu=mtu)


def netkit(name: str, peer: NewLink, *, mode: str, policy: str, peer_policy: str) -> NewLink:
    """A pair of devices whose programs run as they send; *mode* ``l3`` has no Ethernet header."""
    data = (
        attribute(_NETKIT_MODE, u32(_choice(name, "mode", mode, NETKIT_MODES)))
        + attribute(_NETKIT_POLICY, u32(_choice(name, "policy", policy, NETKIT_POLICIES)))
        + attribute(_NETKIT_PEER_POLICY, u32(_choice(name, "peer_policy", peer_policy, NETKIT_POLICIES)))
        + nested(_NETKIT_PEER_INFO, peer.as_peer())
    )
    return NewLink("netkit", name, data)


def vxlan(
    name: str,
    *,
    vni: int | None,
    local: str | None = None,
    remote: str | None = None,
    link: int = 0,
    port: int = 4789,
) -> NewLink:
    """A tunnel of Ethernet in UDP; without *vni*, of all networks, as ``bpf_skb_set_tunnel_key`` says."""
    data = attribute(_VXLAN_PORT, struct.pack("!H", port))
    data += attribute(_VXLAN_METADATA, b"\1") if vni is None else attribute(_VXLAN_ID, u32(vni))
    if link:
        data += attribute(_VXLAN_LINK, u32(link))
    for address, number, number6 in (
        (local, _VXLAN_LOCAL, _VXLAN_LOCAL6),
        (remote, _VXLAN_GROUP, _VXLAN_GROUP6),
    ):
        if address is not None:
            packed = ip_address(address).packed
            data += attribute(number if len(packed) == 4 else number6, packed)
    return NewLink("vxlan", name, data)


def set_link(
    ifindex: int,
    where: str,
    *,
    up: bool | None = None,
    mac: str | None = None,
    mtu: int | None = None,
) -> Request:
    """Change what is given of a device."""
    body = _ifinfo(ifindex, _IFF_UP if up else 0, 0 if up is None else _IFF_UP)
    return Request(NEWLINK, Flag(0), body + _settings(mac=mac, mtu=mtu), where)


def quiet_link(ifindex: int, where: str) -> Request:
    """Have no link-local IPv6 address made, so that the device sends nothing of its own as it comes up."""
    family = nested(socket.AF_INET6, attribute(_INET6_ADDR_GEN_MODE, u8(_ADDR_GEN_NONE)))
    return Request(NEWLINK, Flag(0), _ifinfo(ifindex) + nested(_IFLA_AF_SPEC, family), where)


def delete_link(ifindex: int, where: str) -> Request:
    """Remove a device, and the other end of its pair."""
    return Request(DELLINK, Flag(0), _ifinfo(ifindex), where)


def get_link(name: str, where: str) -> Request:
    """Ask for a device by name."""
    check_name(name)
    return Request(GETLINK, Flag(0), _ifinfo() + attribute(_IFLA_IFNAME, text(name)), where)


def get_link_by_index(ifindex: int, where: str) -> Request:
    """Ask for a device by number."""
    return Request(GETLINK, Flag(0), _ifinfo(ifindex), where)


def read_link(message: Message) -> LinkFacts:
    """What a message of type :data:`NEWLINK` says."""
    if message.type != NEWLINK or len(message.body) < _IFINFO.size:
        raise ProtocolError(f"netlink: message of type {message.type} tells of no device")
    _, _, ifindex, flags, _ = _IFINFO.unpack_from(message.body)
    found = attributes(message.body, _IFINFO.size)
    info = attributes(found.get(_IFLA_LINKINFO, b""))
    return LinkFacts(
        string(found.get(_IFLA_IFNAME, b"")),
        ifindex,
        bool(flags & _IFF_UP),
        found.get(_IFLA_ADDRESS, b"").hex(":"),
        int.from_bytes(found.get(_IFLA_MTU, b""), "little"),
        string(info.get(_INFO_KIND, b"")),
    )


def add_address(ifindex: int, interface: str, where: str) -> Request:
    """Give a device an address with its prefix, ``"10.0.0.1/24"``, to be used at once.

    No other host is asked whether it has an IPv6 address, too (IFA_F_NODAD): there is none.
    """
    body = _address(ifindex, interface, where)
    return Request(NEWADDR, Flag.CREATE | Flag.EXCL, body, f"{where}: {interface}")


def delete_address(ifindex: int, interface: str, where: str) -> Request:
    """Take an address away from a device."""
    return Request(DELADDR, Flag(0), _address(ifindex, interface, where), f"{where}: {interface}")


def add_neighbour(ifindex: int, address: str, mac: str, where: str) -> Request:
    """Say for good which *mac* an *address* has, so that nobody is asked."""
    body = _neighbour(ifindex, address) + attribute(_NDA_LLADDR, mac_address(mac))
    return Request(NEWNEIGH, Flag.CREATE | Flag.REPLACE, body, f"{where}: {address}")


def delete_neighbour(ifindex: int, address: str, where: str) -> Request:
    """Forget which MAC address an *address* has."""
    return Request(DELNEIGH, Flag(0), _neighbour(ifindex, address), f"{where}: {address}")


def check_name(name: str) -> None:
    """:class:`~pytest_ebpf.errors.UsageError` for what no device can be called (``dev_valid_name``)."""
    bad = not name or name in {".", ".."} or any(each in "/:%" or each.isspace() for each in name)
    if bad or len(name.encode()) > NAME_MAX:
        raise UsageError(
            f'"{name}" is no name of a network device',
            hint=f"use 1 to {NAME_MAX} bytes without spaces and slashes",
        )


def ip_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address; :class:`~pytest_ebpf.errors.UsageError` if it is none."""
    try:
        return ipaddress.ip_address(address)
    except ValueError as error:
        raise UsageError(f'"{address}" is no IP address', hint='write it like "10.0.0.1"') from error


def mac_address(mac: str) -> bytes:
    """Read a MAC address; :class:`~pytest_ebpf.errors.UsageError` if it is none."""
    if not _MAC.fullmatch(mac):
        raise UsageError(f'"{mac}" is no MAC address', hint='write it like "02:00:00:00:00:01"')
    return bytes.fromhex(mac.replace(":", ""))


def _settings(*, mac: str | None, mtu: int | None, netns: int | None = None) -> bytes:
    body = b""
    if mac is not None:
        body += attribute(_IFLA_ADDRESS, mac_address(mac))
    if mtu is not None:
        body += attribute(_IFLA_MTU, u32(mtu))
    if netns is not None:
        body += attribute(_IFLA_NET_NS_FD, u32(netns))
    return body


def _address(ifindex: int, interface: str, where: str) -> bytes:
    try:
        given = ipaddress.ip_interface(interface)
    except ValueError as error:
        raise UsageError(
            f'"{interface}" is no address with a prefix', where=where, hint='write it like "10.0.0.1/24"'
        ) from error
    family, flags = (socket.AF_INET, 0) if given.version == 4 else (socket.AF_INET6, _IFA_F_NODAD)
    body = _IFADDR.pack(family, given.network.prefixlen, flags, 0, ifindex)
    packed = given.ip.packed
    return body + attribute(_IFA_LOCAL, packed) + attribute(_IFA_ADDRESS, packed)


def _neighbour(ifindex: int, address: str) -> bytes:
    given = ip_address(address)
    family = socket.AF_INET if given.version == 4 else socket.AF_INET6
    body = _NDMSG.pack(family, ifindex, _NUD_PERMANENT, 0, 0)
    return body + attribute(_NDA_DST, given.packed)


def _ifinfo(ifindex: int = 0, flags: int = 0, change: int = 0) -> bytes:
    return _IFINFO.pack(socket.AF_UNSPEC, 0, ifindex, flags, change)


def _choice(name: str, setting: str, value: str, known: dict[str, int]) -> int:
    if value not in known:
        raise UsageError(f'{setting} is none of {", ".join(known)} ("{value}")', where=f'netkit "{name}"')
    return known[value]
