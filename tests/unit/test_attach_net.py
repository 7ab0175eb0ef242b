"""What the agent is asked for programs of the network's hooks, by their settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from pytest_ebpf.bpf.attaching.plan import is_complete, plan
from pytest_ebpf.errors import UsageError


@dataclass
class Space:
    path: str = "/run/netns/far"


@dataclass
class Nic:
    name: str = "far0"
    ifindex: int = 7
    netns: Any = None


@dataclass
class Group:
    path: str = "/sys/fs/cgroup/one"


@dataclass
class Sockets:
    handle: int = 12
    name: str = "sockets"


def asked(section, **given):
    made = plan(section, "programs.p", given=given)
    return made.how, dict(made.args), made.target


@pytest.mark.parametrize(
    ("section", "given", "expected"),
    [
        ("xdp", {"interface": "eth0"}, ("xdp", {"interface": "eth0"}, 'interface "eth0"')),
        (
            "xdp.frags",
            {"interface": Nic(), "mode": "generic"},
            ("xdp", {"interface": 7, "mode": "generic"}, 'interface "far0"'),
        ),
        (
            "tcx/egress",
            {"interface": Nic(netns=Space())},
            ("tcx", {"interface": 7, "netns": "/run/netns/far"}, 'interface "far0"'),
        ),
        (
            "netkit/peer",
            {"interface": Nic(netns=Space()), "netns": "/run/netns/other"},
            ("netkit", {"interface": 7, "netns": "/run/netns/other"}, 'interface "far0"'),
        ),
        (
            "tc/egress",
            {"interface": 3, "priority": 5},
            ("tc", {"interface": 3, "point": "egress", "priority": 5}, 'interface "3"'),
        ),
        (
            "classifier",
            {"interface": "a", "point": "ingress"},
            ("tc", {"interface": "a", "point": "ingress"}, 'interface "a"'),
        ),
        (
            "netfilter",
            {"family": "ipv6", "point": "local_out", "priority": -5, "netns": Space()},
            (
                "netfilter",
                {"pf": 10, "hook": 3, "priority": -5, "netns": "/run/netns/far"},
                "ipv6 local_out",
            ),
        ),
        ("flow_dissector", {}, ("netns", {}, "the network namespace")),
        (
            "sk_lookup",
            {"netns": Space()},
            ("netns", {"netns": "/run/netns/far"}, 'network namespace "/run/netns/far"'),
        ),
        (
            "cgroup/connect4",
            {"cgroup": Group()},
            ("cgroup", {"cgroup": "/sys/fs/cgroup/one"}, 'cgroup "/sys/fs/cgroup/one"'),
        ),
        (
            "cgroup/skb",
            {"cgroup": "/c", "point": "egress"},
            ("cgroup", {"cgroup": "/c", "attach_type": 1}, 'cgroup "/c"'),
        ),
        (
            "lsm_cgroup/socket_bind",
            {"cgroup": "/c", "flags": 2},
            ("cgroup", {"cgroup": "/c", "flags": 2}, 'cgroup "/c"'),
        ),
        ("sk_msg", {"map": Sockets()}, ("sockmap", {"map": 12}, 'map "sockets"')),
        ("sk_skb/verdict", {"map": Sockets()}, ("sockmap", {"map": 12}, 'map "sockets"')),
    ],
)
def test_settings_become_what_the_agent_is_asked(section, given, expected):
    assert asked(section, **given) == expected


@pytest.mark.parametrize(
    ("section", "given", "text"),
    [
        (
            "xdp",
            {},
            "a xdp program needs interface; attach(interface=...), or name it in the section or the manifest",
        ),
        (
            "tc",
            {"interface": "a"},
            "a tc program needs point; attach(point=...), or name it in the section or the manifest",
        ),
        ("tc", {"interface": "a", "point": "inbound"}, "point: 'inbound' is none of ingress, egress"),
        ("tc/ingress", {"interface": "a", "point": "forward"}, "point: 'forward' is none of ingress, egress"),
        (
            "netfilter",
            {"family": "ipv4", "point": "egress", "priority": 0},
            "point: 'egress' is none of prerouting, local_in, forward, local_out, postrouting",
        ),
        ("cgroup/skb", {"cgroup": "/c", "point": "forward"}, "point: 'forward' is none of ingress, egress"),
        ("xdp", {"interface": True}, "interface: not str or int (True)"),
        (
            "sk_skb",
            {},
            (
                "a sk_skb program is not attached by itself; name the section "
                '"sk_skb/verdict", "sk_skb/stream_verdict" or "sk_skb/stream_parser"'
            ),
        ),
        (
            "socket",
            {"socket": Group()},
            (
                "socket: not one of a process of the guest (Group(path='/sys/fs/cgroup/one')); "
                "make one with ebpf.guest.process().socket()"
            ),
        ),
        (
            "lwt_xmit",
            {"route": "10.1.0.0/16", "interface": "eth0"},
            "interface: not a device of the guest ('eth0'); attach(interface=ebpf.guest.device('eth0'))",
        ),
    ],
)
def test_settings_that_do_not_do(section, given, text):
    with pytest.raises(UsageError) as caught:
        plan(section, "programs.p", given=given)
    assert str(caught.value) == f"programs.p: attach: {text}"


def test_sections_that_need_no_more():
    assert is_complete("sk_lookup")
    assert is_complete("tc/ingress", {"interface": "eth0"})
    assert not is_complete("tc", {"interface": "eth0"})
    assert not is_complete("cgroup/skb", {"cgroup": "/c"})
