"""Network devices and namespaces of the guest, made without any of its tools."""

from __future__ import annotations

import errno

import pytest
from lab import HERE, THERE

from pytest_ebpf.errors import GuestError, UnsupportedError, UsageError


def lines(*names):
    return pytest.mark.parametrize("line", names, indirect=True)


OLD, NEW = lines("5.10", "6.1"), lines("6.12", "6.18", "7.2")


@pytest.fixture(params=("5.10", "7.2"))
def line(request):
    """The oldest kernel and the newest: what differs between them says so."""
    return request.param


def names_of(system) -> set[str]:
    return {line.partition(":")[0].strip() for line in system.files.text("/proc/net/dev").splitlines()[2:]}


def test_a_pair_carries_packets_both_ways(lab):
    assert lab.ping() == 5
    here, there = lab.stream()
    there.send(b"hello")
    assert here.recv() == b"hello"
    assert here.getpeername() == (THERE, 7777)
    assert there.getpeername()[0] == HERE


def test_what_a_device_is_like(lab):
    facts = lab.near.facts()
    assert (facts.name, facts.kind, facts.up, facts.mtu) == ("near0", "veth", True, 1500)
    assert (lab.near.netns, lab.far.netns) == (None, lab.space)
    lab.near.down().set_mtu(1300).set_mac("02:00:00:00:00:09")
    facts = lab.near.facts()
    assert (facts.up, facts.mtu, facts.mac) == (False, 1300, "02:00:00:00:00:09")
    assert lab.near.mac == "02:00:00:00:00:09"


def test_ipv6(lab):
    lab.near.add_address("fd00::1/64")
    lab.far.add_address("fd00::2/64")
    server = lab.there.udp(("fd00::2", 7777), 10)
    lab.here.udp(("fd00::1", 0), 10).sendto(b"hello", ("fd00::2", 7777))
    assert server.recv() == b"hello"


def test_nothing_is_sent_but_by_tests(system):
    space = system.namespace("far")
    near, far = system.veth("near0", "far0", netns=space)
    far.up()
    listener = space.process().socket(17, 3, 0x0300, timeout=0.5)
    listener.bind(("far0", 3))
    near.up().add_address("10.0.0.1/24")
    with pytest.raises(TimeoutError):
        listener.recv()
    process = system.process()
    process.socket(17, 3).sendto(bytes(12) + b"\x88\xb5" + bytes(46), ("near0", 0x88B5))
    assert listener.recv()[12:14] == b"\x88\xb5"


def test_lo_is_up_in_a_namespace(system):
    process = system.namespace("quiet").process()
    server = process.udp(("127.0.0.1", 7777))
    process.udp().sendto(b"hello", ("127.0.0.1", 7777))
    assert server.recv() == b"hello"


def test_kinds(system):
    made = {
        "dummy": system.dummy("d0", mac="02:00:00:00:00:07", mtu=1400),
        "ifb": system.ifb("i0"),
        "vxlan": system.vxlan("v0", vni=7, local="127.0.0.1", remote="127.0.0.2", over=system.device("lo")),
    }
    assert {kind: device.facts().kind for kind, device in made.items()} == {each: each for each in made}
    assert system.vxlan("v1", port=4790).up().kind == "vxlan"
    assert (made["dummy"].mac, made["dummy"].facts().mtu) == ("02:00:00:00:00:07", 1400)
    assert system.device("lo").kind == ""


def test_a_namespace_has_devices_of_its_own(system):
    inside = system.namespace("own")
    assert inside.dummy("d0").up().netns is inside
    assert "d0" not in names_of(system)
    assert inside.device("d0").facts().up


@NEW
def test_netkit(system):
    near, far = system.netkit("k0", "k1", netns=system.namespace("far"), mode="l2", peer_policy="blackhole")
    assert (near.facts().kind, far.facts().kind) == ("netkit", "netkit")


@OLD
def test_a_kernel_without_netkit(system):
    with pytest.raises(UnsupportedError) as caught:
        system.netkit("k0", "k1")
    assert str(caught.value) == 'netkit "k0": this kernel has no netkit devices'


def test_what_was_made_is_removed(system):
    before = names_of(system)
    with system.namespace("left") as space:
        system.veth("a0", "b0", netns=space)
        system.dummy("d1")
        path = space.path
    system.close_devices()
    assert names_of(system) - before <= {"dummy0"}  # which the module brings
    with pytest.raises(OSError, match="No such file"):
        system.process_self.stat(path)
    system.namespace("left").close()


def test_one_end_takes_the_other_with_it(system):
    near, far = system.veth("a0", "b0")
    near.close()
    far.close()
    with pytest.raises(GuestError):
        far.facts()


def test_a_route_is_forgotten(lab):
    with lab.near.add_route("10.99.0.0/16", via=THERE) as route:
        lab.client.sendto(b"hello", ("10.99.0.1", 1))
    with pytest.raises(OSError, match="unreachable"):
        lab.client.sendto(b"hello", ("10.99.0.1", 1))
    route.close()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda lab: lab.system.veth("near0", "b"),
            'veth "near0": File exists; take another name, or remove the one that is there',
        ),
        (
            lambda lab: lab.system.device("zz"),
            'device "zz": No such device; make it first, or look in the network namespace that has it',
        ),
        (
            lambda lab: lab.near.add_address(f"{HERE}/24"),
            f'device "near0": {HERE}/24: File exists',
        ),
        (
            lambda lab: [lab.near.add_route("10.9.0.0/16", via=THERE) for _ in "12"],
            "route 10.9.0.0/16: File exists; close that route first, or give another destination",
        ),
        (
            lambda lab: lab.near.add_route("10.9.0.0/16", via="11.0.0.2"),
            "route 10.9.0.0/16: Network is unreachable (Nexthop has invalid gateway); give a device",
        ),
        (
            lambda lab: lab.system.namespace("far"),
            'network namespace "far": File exists; take another name, or close the one that has it',
        ),
        (
            lambda lab: lab.near.set_mtu(1),
            'device "near0": Invalid argument (mtu less than device minimum)',
        ),
    ],
)
def test_what_the_kernel_refuses(lab, make, text):
    with pytest.raises(GuestError) as caught:
        make(lab)
    assert str(caught.value).startswith(text)
    assert caught.value.errno in {errno.EEXIST, errno.ENODEV, errno.ENETUNREACH, errno.EINVAL}
    assert lab.ping() == 5


def test_names_that_are_none(system):
    with pytest.raises(UsageError) as caught:
        system.dummy("a name")
    assert str(caught.value) == (
        '"a name" is no name of a network device; use 1 to 15 bytes without spaces and slashes'
    )
    with pytest.raises(UsageError) as caught:
        system.namespace("a/b")
    assert str(caught.value) == '"a/b" is no name of a network namespace; use a name that a file can have'


def test_a_namespace_is_given_as_it_was_made(system):
    system.namespace("far")
    with pytest.raises(UsageError) as caught:
        system.veth("a", "b", netns="far")
    assert str(caught.value) == (
        "device \"b\": netns: no network namespace ('far'); give what ebpf.guest.namespace() returned"
    )
    with pytest.raises(UsageError, match=r"^device \"b\": netns: no network namespace \(<"):
        system.veth("a", "b", netns=system)


def test_a_namespace_that_was_closed(lab):
    space = lab.far.netns
    space.close()
    for use in (lab.far.up, space.process, lambda: space.device("lo"), lambda: space.path):
        with pytest.raises(UsageError) as caught:
            use()
        assert str(caught.value) == (
            'network namespace "far": was closed; make another: ebpf.guest.namespace(...)'
        )
    lab.far.close()
    space.close()
