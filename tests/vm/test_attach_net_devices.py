"""Programs on network devices: tests/vm/data/nethooks.bpf.c, each seen by what a pair of devices carries."""

from __future__ import annotations

import struct

import pytest
from lab import HERE, PORT, Lab
from proof import prove

from pytest_ebpf.errors import AttachError, UnsupportedError, UsageError
from pytest_ebpf.uapi import LinkType


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


NEWER = "run it on a newer kernel, or declare an alternative"

#: tests/hooks triggers each hook on every kernel; here is what attaching and detaching do.
OLDEST_AND_NEWEST, NEWEST = lines("5.10", "7.2"), lines("7.2")
OLD = lines("5.10", "6.1")


@pytest.fixture
def hooked(load_object):
    """``hooked(program)`` loads one program of the object."""
    return lambda program: load_object("nethooks", autoload={program: True})


def refused(error, attach, *args, **settings) -> str:
    with pytest.raises(error) as caught:
        attach(*args, **settings)
    return str(caught.value)


def qdiscs(process) -> set[str]:
    """The kinds of the queueing disciplines of all devices: a dump by RTM_GETQDISC."""
    sock = process.socket(16, 3)
    sock.send(struct.pack("=IHHII", 36, 38, 0x301, 1, 0) + bytes(20))
    data = sock.recv()
    sock.close()
    return {kind for kind in ("clsact", "noqueue") if kind.encode() in data}


class TestXdp:
    @OLDEST_AND_NEWEST
    @pytest.mark.parametrize("mode", [None, "native", "generic"])
    def test_modes(self, hooked, lab, mode):
        tool = hooked("on_xdp")
        program = tool.programs.on_xdp
        given = {"mode": mode} if mode else {}
        prove(lambda: program.attach(interface=lab.far, **given), lab.ping, lambda: tool.globals.calls)
        assert tool.globals.value == 5
        with program.attach(interface=lab.far, **given) as link:
            assert link.mode == (mode or "native")
            assert link.info().type is LinkType.XDP

    @OLDEST_AND_NEWEST
    def test_a_device_by_name_and_by_number(self, hooked, lab):
        tool = hooked("on_xdp")
        program, count = tool.programs.on_xdp, lambda: tool.globals.calls
        prove(lambda: program.attach(interface="far0", netns=lab.space), lab.ping, count)
        prove(lambda: program.attach(interface=lab.far.ifindex, netns=lab.space.path), lab.ping, count)

    @lines("5.10")
    def test_a_kernel_without_frames_of_several_pages(self, hooked):
        assert refused(UnsupportedError, hooked, "on_xdp_frags") == (
            "nethooks: on_xdp_frags: this kernel has no xdp.frags programs; "
            "run it on a newer kernel, or guard it"
        )

    def test_a_program_takes_the_place_of_another(self, hooked, lab):
        first, second = hooked("on_xdp"), hooked("on_xdp")
        with first.programs.on_xdp.attach(interface=lab.far) as link:
            link.update(second.programs.on_xdp)
            lab.ping()
            assert (first.globals.calls, second.globals.calls) == (0, 1)
            assert refused(UsageError, link.update, hooked("on_tc").programs.on_tc) == (
                "programs.on_xdp: a sched_cls program cannot take the place of a xdp program; "
                "give one of the same type"
            )

    def test_a_device_that_goes_takes_the_link_with_it(self, hooked, system):
        dummy = system.dummy("short0")
        link = hooked("on_xdp").programs.on_xdp.attach(interface=dummy)
        dummy.close()
        link.detach()

    def test_mistakes(self, hooked, lab):
        attach = hooked("on_xdp").programs.on_xdp.attach
        assert refused(AttachError, attach, interface="near1") == (
            'programs.on_xdp: no device "near1"; did you mean "near0"?'
        )
        assert refused(AttachError, attach, interface="near0", netns=lab.space) == (
            'programs.on_xdp: no device "near0"; give the netns that it is in, or make it'
        )
        assert refused(AttachError, attach, interface="eth1") == (
            'programs.on_xdp: no device "eth1"; set wires = 2 under [test] for a network card'
        )
        assert refused(AttachError, attach, interface=99) == "programs.on_xdp: no device with the number 99"
        assert refused(AttachError, attach, interface="near0", netns="/run/netns/nowhere") == (
            'programs.on_xdp: no network namespace "/run/netns/nowhere"; make it with ebpf.guest.namespace()'
        )
        with attach(interface="near0"):
            assert refused(AttachError, attach, interface="near0") == (
                'programs.on_xdp: is attached to interface "near0" already; detach() that link first'
            )
            other = hooked("on_xdp").programs.on_xdp.attach
            for mode in ("native", "generic"):
                assert refused(AttachError, other, interface="near0", mode=mode) == (
                    'programs.on_xdp: interface "near0" has another program; detach that first'
                )
        assert "mode: 'fast' is none of native, generic, offload" in refused(
            UsageError, attach, interface="near0", mode="fast"
        )

    @OLDEST_AND_NEWEST
    def test_a_device_with_frames_of_several_pages(self, hooked, system):
        near, far = system.veth("long0", "long1", mtu=9000)
        attach = hooked("on_xdp").programs.on_xdp.attach
        assert refused(AttachError, attach, interface=near, mode="native") == (
            "programs.on_xdp: the device takes no native XDP with so large an MTU; "
            'set_mtu(1500), at both ends of a pair; or hook it as xdp.frags, or attach(mode="generic")'
        )
        for end in (near, far):
            end.set_mtu(1500)
        assert attach(interface=near, mode="native").mode == "native"

    def test_a_device_without_the_mode(self, hooked, lab):
        attach = hooked("on_xdp").programs.on_xdp.attach
        assert refused(AttachError, attach, interface="lo", mode="native") == (
            'programs.on_xdp: the device takes no native XDP here; attach(mode="generic")'
        )
        assert refused(AttachError, attach, interface=lab.near, mode="offload") == (
            'programs.on_xdp: the device takes no offload XDP here; attach(mode="generic")'
        )


class TestTc:
    @OLDEST_AND_NEWEST
    @pytest.mark.parametrize(("program", "point"), [("on_tc", "ingress"), ("on_tc", "egress")])
    def test_both_points(self, hooked, lab, program, point):
        tool = hooked(program)
        device = lab.far if point == "ingress" else lab.near
        attach = tool.programs[program].attach
        prove(lambda: attach(interface=device, point=point), lab.ping, lambda: tool.globals.calls)
        assert tool.globals.value == 5

    @NEWEST
    def test_the_section_names_the_point(self, hooked, lab):
        tool = hooked("on_tc_egress")
        attach = tool.programs.on_tc_egress.attach
        prove(lambda: attach(interface=lab.near), lab.ping, lambda: tool.globals.calls)

    def test_several_by_priority(self, hooked, lab):
        tools = [hooked("on_tc") for _ in range(2)]
        links = [
            tool.programs.on_tc.attach(interface=lab.far, point="ingress", priority=10 * rank, handle=7)
            for rank, tool in enumerate(tools, 1)
        ]
        assert "clsact" in qdiscs(lab.there)
        lab.ping()
        links[0].detach()
        lab.ping()
        assert [tool.globals.calls for tool in tools] == [1, 2]
        assert "clsact" in qdiscs(lab.there)
        links[1].detach()
        assert "clsact" not in qdiscs(lab.there)

    def test_mistakes(self, hooked, lab):
        attach = hooked("on_tc").programs.on_tc.attach
        assert refused(UsageError, attach, interface=lab.far, point="forward") == (
            "programs.on_tc: attach: point: 'forward' is none of ingress, egress"
        )
        with attach(interface=lab.near, point="ingress", priority=1, handle=1):
            again = refused(AttachError, attach, interface=lab.near, point="ingress", priority=1, handle=1)
            other = hooked("on_tc").programs.on_tc.attach
            taken = refused(AttachError, other, interface=lab.near, point="ingress", priority=1, handle=1)
        assert again == 'programs.on_tc: is attached to interface "near0" already; detach() that link first'
        assert taken == (
            'programs.on_tc: interface "near0" has another program; '
            "detach that first, or give another priority"
        )
        assert "clsact" not in qdiscs(lab.here)


class TestTcx:
    @NEWEST
    @pytest.mark.parametrize("program", ["on_tcx_ingress", "on_tcx_egress"])
    def test_both_points(self, hooked, lab, program):
        tool = hooked(program)
        device = lab.far if "ingress" in program else lab.near
        attach = tool.programs[program].attach
        prove(lambda: attach(interface=device), lab.ping, lambda: tool.globals.calls)
        with attach(interface=device) as link:
            assert link.info().type is LinkType.TCX

    @OLD
    def test_a_kernel_without(self, hooked, lab):
        attach = hooked("on_tcx_ingress").programs.on_tcx_ingress.attach
        text = refused(UnsupportedError, attach, interface=lab.far)
        assert text == f"programs.on_tcx_ingress: this kernel has no tcx; {NEWER}"


class TestNetkit:
    @NEWEST
    @pytest.mark.parametrize("program", ["on_netkit_primary", "on_netkit_peer"])
    def test_both_ends(self, hooked, system, program):
        lab = NetkitLab(system)
        tool = hooked(program)
        attach = tool.programs[program].attach
        trigger = lab.ping if program == "on_netkit_primary" else lab.answer
        prove(lambda: attach(interface=lab.near), trigger, lambda: tool.globals.calls)

    @NEWEST
    def test_another_kind_of_device(self, hooked, lab):
        attach = hooked("on_netkit_primary").programs.on_netkit_primary.attach
        assert refused(AttachError, attach, interface=lab.near) == (
            "programs.on_netkit_primary: the device is no netkit; make one with ebpf.guest.netkit()"
        )

    @OLD
    def test_a_kernel_without(self, hooked, lab, system):
        attach = hooked("on_netkit_primary").programs.on_netkit_primary.attach
        text = refused(UnsupportedError, attach, interface=lab.near)
        assert text == f"programs.on_netkit_primary: this kernel has no netkit; {NEWER}"
        assert refused(UnsupportedError, system.netkit, "k0", "k1") == (
            'netkit "k0": this kernel has no netkit devices'
        )


class NetkitLab(Lab):
    """A pair of netkit devices."""

    def __init__(self, system):
        self.system = system
        self.space = system.namespace("far")
        self.near, self.far = system.netkit("near0", "far0", netns=self.space)
        self.join(self.near, self.far)
        self.back = self.here.udp((HERE, PORT))

    def answer(self):
        """Send a datagram from there to here."""
        self.server.sendto(b"hello", (HERE, PORT))
        assert self.back.recv() == b"hello"


class TestNetfilter:
    @NEWEST
    def test_a_point(self, hooked, lab):
        tool = hooked("on_netfilter")
        attach = tool.programs.on_netfilter.attach
        prove(
            lambda: attach(family="ipv4", point="local_in", priority=-5, netns=lab.space),
            lab.ping,
            lambda: tool.globals.calls,
        )

    @NEWEST
    def test_a_point_that_is_none(self, hooked):
        attach = hooked("on_netfilter").programs.on_netfilter.attach
        assert refused(UsageError, attach, family="ipv4", point="ingress", priority=1) == (
            "programs.on_netfilter: attach: point: 'ingress' is none of "
            "prerouting, local_in, forward, local_out, postrouting"
        )

    @OLD
    def test_a_kernel_without(self, hooked):
        assert refused(UnsupportedError, hooked, "on_netfilter").startswith(
            "nethooks: on_netfilter: this kernel has no netfilter programs"
        )
