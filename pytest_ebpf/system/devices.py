"""Network devices of the guest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol, Self

from pytest_ebpf.errors import GuestError, UsageError
from pytest_ebpf.system import routes, rtnetlink
from pytest_ebpf.system.netlink import Message, Request
from pytest_ebpf.system.network import Rtnetlink
from pytest_ebpf.system.rtnetlink import LinkFacts, NewLink


class HasHandle(Protocol):
    """A program, by the number that the guest's agent knows it by."""

    @property
    def name(self) -> str:
        """What the route shows it as."""

    @property
    def handle(self) -> int:
        """The number."""


class Route:
    """A route that was added, until :meth:`close`."""

    def __init__(self, device: Device, destination: str, via: str | None) -> None:
        self.device = device
        self.destination = destination
        self.via = via
        self._there = True

    def close(self) -> None:
        """Forget it; does nothing the second time, or when its device is gone."""
        if self._there:
            self._there = False
            request = routes.delete_route(self.destination, self.device.ifindex, via=self.via)
            with suppress(GuestError, UsageError):
                self.device.network.rtnetlink.ask(request)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Device:
    """A network device: *name*, *kind* (``veth``; "" where nobody made it), *ifindex*, and where it is.

    What it was like when it was found: :meth:`facts` says how it is now.
    """

    def __init__(self, network: Devices, facts: LinkFacts) -> None:
        self.network = network
        self.name = facts.name
        self.kind = facts.kind
        self.ifindex = facts.ifindex
        self.mac = facts.mac

    @property
    def netns(self) -> NamedNetwork | None:
        """The network namespace that it was made in; None for the guest's first one."""
        return self.network.netns

    def facts(self) -> LinkFacts:
        """Ask how it is now."""
        (message,) = self._ask(rtnetlink.get_link_by_index(self.ifindex, self._where))
        return rtnetlink.read_link(message)

    def up(self) -> Self:
        """Set it up. It gets no link-local IPv6 address, so that only what a test sends is on the wire.

        An IPv6 address that it is given is told to multicast listeners (MLD), by two packets.
        """
        self._ask(
            rtnetlink.quiet_link(self.ifindex, self._where),
            rtnetlink.set_link(self.ifindex, self._where, up=True),
        )
        return self

    def down(self) -> Self:
        """Set it down."""
        self._ask(rtnetlink.set_link(self.ifindex, self._where, up=False))
        return self

    def set_mtu(self, mtu: int) -> Self:
        """Change the largest packet it sends, in bytes."""
        self._ask(rtnetlink.set_link(self.ifindex, self._where, mtu=mtu))
        return self

    def set_mac(self, mac: str) -> Self:
        """Change its MAC address."""
        self._ask(rtnetlink.set_link(self.ifindex, self._where, mac=mac))
        self.mac = mac.lower()
        return self

    def add_address(self, interface: str) -> Self:
        """Give it an address with its prefix: ``"10.0.0.1/24"``, ``"fd00::1/64"``."""
        self._ask(rtnetlink.add_address(self.ifindex, interface, self._where))
        self._undo(lambda: self._ask(rtnetlink.delete_address(self.ifindex, interface, self._where)))
        return self

    def add_neighbour(self, address: str, mac: str) -> Self:
        """Say which *mac* an *address* has, so that nobody is asked over the wire."""
        self._ask(rtnetlink.add_neighbour(self.ifindex, address, mac, self._where))
        self._undo(lambda: self._ask(rtnetlink.delete_neighbour(self.ifindex, address, self._where)))
        return self

    def add_route(
        self,
        destination: str,
        *,
        via: str | None = None,
        programs: Mapping[str, HasHandle] | None = None,
        headroom: int = 0,
    ) -> Route:
        """Send what goes to *destination* (``"10.1.0.0/16"``) out of it, *via* a next hop if there is one.

        *programs* of lwt types run on the way, by where: ``in``, ``out``, ``xmit``; or ``seg6local``, where
        *destination* is a segment. *headroom* is the bytes that one may push in front of a packet.
        """
        process = self.network.rtnetlink.process
        given: dict[str, tuple[int, str]] = {}
        try:
            for point, each in (programs or {}).items():
                given[point] = process.give({"prog": each.handle}), each.name
            self._ask(routes.add_route(destination, self.ifindex, via=via, programs=given, headroom=headroom))
        finally:
            for fd, _ in given.values():
                process.close(fd)
        route = Route(self, destination, via)
        self._undo(route.close)
        return route

    def close(self) -> None:
        """Remove it, and with it the other end of a pair; does nothing when it is gone."""
        with suppress(GuestError, UsageError):  # UsageError: its namespace was closed
            self._ask(rtnetlink.delete_link(self.ifindex, self._where))

    @property
    def _where(self) -> str:
        return f'device "{self.name}"'

    def _ask(self, *requests: Request) -> list[Message]:
        return self.network.rtnetlink.ask(*requests)

    def _undo(self, undo: Callable[[], object]) -> None:
        """Have *undo* called in the end where the device stays: what was made takes all with it."""
        if not self.kind:
            self.network.later(undo)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Device {self.name}: {self.kind or 'not made here'}, ifindex {self.ifindex}>"


class Devices(ABC):
    """The devices of a network namespace. What is made here is removed by :meth:`close_devices`.

    So are addresses, neighbours and routes that a device is given that was there before.
    """

    def __init__(self) -> None:
        self._undoing: list[Callable[[], object]] = []

    @property
    def netns(self) -> NamedNetwork | None:
        """The namespace; None for the guest's first one."""
        return None

    @property
    @abstractmethod
    def rtnetlink(self) -> Rtnetlink:
        """Where requests go."""

    def device(self, name: str) -> Device:
        """A device that is there: ``eth0``, ``lo``."""
        (message,) = self.rtnetlink.ask(rtnetlink.get_link(name, f'device "{name}"'))
        return Device(self, rtnetlink.read_link(message))

    def dummy(self, name: str, *, mac: str | None = None, mtu: int | None = None) -> Device:
        """A device that drops what is sent."""
        return self._made(NewLink("dummy", name, mac=mac, mtu=mtu))

    def ifb(self, name: str) -> Device:
        """A device that packets are redirected to by tc."""
        return self._made(NewLink("ifb", name))

    def vxlan(
        self,
        name: str,
        *,
        vni: int | None = None,
        local: str | None = None,
        remote: str | None = None,
        over: Device | None = None,
        port: int = 4789,
    ) -> Device:
        """A tunnel of Ethernet in UDP, *over* a device; without *vni* programs say which network it is."""
        link = over.ifindex if over else 0
        return self._made(rtnetlink.vxlan(name, vni=vni, local=local, remote=remote, link=link, port=port))

    def veth(
        self, name: str, peer: str, *, netns: NamedNetwork | None = None, mtu: int | None = None
    ) -> tuple[Device, Device]:
        """A pair of devices, what one sends the other receives; the *peer* in another namespace, if given."""
        return self._pair(
            lambda fd: rtnetlink.veth(name, NewLink("veth", peer, mtu=mtu, netns=fd), mtu=mtu), peer, netns
        )

    def netkit(
        self,
        name: str,
        peer: str,
        *,
        netns: NamedNetwork | None = None,
        mode: str = "l3",
        policy: str = "forward",
        peer_policy: str = "forward",
    ) -> tuple[Device, Device]:
        """A pair for programs: *mode* is ``l3`` or ``l2``, a *policy* ``forward`` or ``blackhole``.

        :class:`~pytest_ebpf.errors.UnsupportedError` on kernels without (before Linux 6.7).
        """
        return self._pair(
            lambda fd: rtnetlink.netkit(
                name, NewLink("netkit", peer, netns=fd), mode=mode, policy=policy, peer_policy=peer_policy
            ),
            peer,
            netns,
        )

    def later(self, undo: Callable[[], object]) -> None:
        """Have *undo* called by :meth:`close_devices`."""
        self._undoing.append(undo)

    def close_devices(self) -> None:
        """Remove what was made here, last first."""
        while self._undoing:
            with suppress(GuestError):  # it may be gone by now
                self._undoing.pop()()

    def _made(self, link: NewLink) -> Device:
        request = link.request()
        (message,) = self.rtnetlink.ask(request, rtnetlink.get_link(link.name, request.where))
        device = Device(self, rtnetlink.read_link(message))
        self.later(device.close)
        return device

    def _pair(
        self, make: Callable[[int | None], NewLink], peer: str, netns: NamedNetwork | None
    ) -> tuple[Device, Device]:
        """The pair that *make* makes, given a descriptor of the namespace that the *peer* goes to."""
        if netns is not None and not isinstance(netns, NamedNetwork):
            hint = "give what ebpf.guest.namespace() returned"
            raise UsageError(f"netns: no network namespace ({netns!r})", where=f'device "{peer}"', hint=hint)
        fd = self.rtnetlink.process.open(netns.path) if netns else None
        try:
            first = self._made(make(fd))
        finally:
            if fd is not None:
                self.rtnetlink.process.close(fd)
        return first, (netns or self).device(peer)


class NamedNetwork(Devices):
    """The devices of a network namespace that has a name in the guest."""

    @property
    @abstractmethod
    def path(self) -> str:
        """The file that stands for the namespace."""
