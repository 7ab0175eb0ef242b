"""How programs of each kind of hook are attached, and the settings that attaching them takes.

The manifest holds declarations against this table, and what attaches programs reads calls by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pytest_ebpf.hooks.kinds import HookKind


@dataclass(frozen=True)
class Attachment:
    """How programs of a kind are attached: *how*, as the agent calls it, and the settings that it takes.

    Of each group in *required* just one is needed; the target or the rest of the section may give it.
    *points* are what the setting ``point`` may be. Where *how* is empty, programs are not attached by
    themselves, and *instead* says what is done.
    """

    how: str
    required: tuple[tuple[str, ...], ...] = ()
    optional: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    instead: str = ""

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of all settings it takes."""
        return (*(name for group in self.required for name in group), *self.optional)

    def words(self, name: str) -> tuple[str, ...]:
        """What the setting *name* may be here, where that is one of a few words."""
        return self.points if name == "point" else SETTINGS[name].words


@dataclass(frozen=True)
class Setting:
    """A setting of an attachment as it is written down: the *types* of its value, or the *words* it may be.

    A test may give an object instead where the value names one (a map, a cgroup, a network namespace).
    """

    types: tuple[type, ...]
    words: tuple[str, ...] = ()


def _takes(how: str, *required: str, optional: str = "", points: tuple[str, ...] = ()) -> Attachment:
    """``a|b``: one of the two."""
    groups = tuple(tuple(group.split("|")) for group in required)
    return Attachment(how, groups, tuple(optional.split()), points)


def _not_attached(instead: str) -> Attachment:
    return Attachment("", instead=instead)


_BOTH_WAYS: Final = ("ingress", "egress")
#: ``enum nf_inet_hooks``.
_NETFILTER: Final = ("prerouting", "local_in", "forward", "local_out", "postrouting")

_KPROBE: Final = _takes("kprobe", "function", optional="offset cookie")
_KPROBE_MULTI: Final = _takes("kprobe_multi", "functions|pattern")
_UPROBE: Final = _takes("uprobe", "binary", "function|offset", optional="pid cookie")
_UPROBE_MULTI: Final = _takes("uprobe_multi", "binary", "functions|pattern", optional="pid")
_USDT: Final = _takes("usdt", "binary", "provider", "name", optional="pid cookie")
_TRACEPOINT: Final = _takes("tracepoint", "category", "name", optional="cookie")
_RAW_TRACEPOINT: Final = _takes("raw_tracepoint", "name", optional="cookie")
_TRACE: Final = _takes("trace", optional="cookie")
_TC: Final = _takes("tc", "interface", "point", optional="priority handle netns", points=_BOTH_WAYS)
_CGROUP: Final = _takes("cgroup", "cgroup", optional="flags")
_ROUTE: Final = _takes("lwt", "route", "interface", optional="via headroom")
_SOCKMAP: Final = _takes("sockmap", "map")
_IN_A_DEVMAP: Final = _not_attached("put it into a devmap: maps.NAME[0] = (interface, program)")

#: By the beginning of a kind's prefix: the longest that fits counts.
_ATTACHMENTS: Final[Mapping[str, Attachment]] = {
    "socket": _takes("socket", "socket"),
    "sk_reuseport": _takes("reuseport", "socket"),
    "kprobe": _KPROBE,
    "kretprobe": _KPROBE,
    "kprobe.multi": _KPROBE_MULTI,
    "kretprobe.multi": _KPROBE_MULTI,
    "kprobe.session": _KPROBE_MULTI,
    "ksyscall": _takes("ksyscall", "name", optional="cookie"),
    "kretsyscall": _takes("ksyscall", "name", optional="cookie"),
    "uprobe": _UPROBE,
    "uretprobe": _UPROBE,
    "uprobe.multi": _UPROBE_MULTI,
    "uretprobe.multi": _UPROBE_MULTI,
    "uprobe.session": _UPROBE_MULTI,
    "usdt": _USDT,
    "tc": _TC,
    "classifier": _TC,
    "tcx": _takes("tcx", "interface", optional="netns"),
    "netkit": _takes("netkit", "interface", optional="netns"),
    "action": _not_attached("attach a classifier that calls it"),
    "tracepoint": _TRACEPOINT,
    "tp": _TRACEPOINT,
    "raw_tracepoint": _RAW_TRACEPOINT,
    "raw_tp": _RAW_TRACEPOINT,
    "tp_btf": _TRACE,
    "fentry": _TRACE,
    "fexit": _TRACE,
    "fmod_ret": _TRACE,
    "fsession": _TRACE,
    "freplace": _takes("freplace", optional="target function"),
    "lsm": _TRACE,
    "lsm_cgroup": _CGROUP,
    "iter": _takes("iter", optional="map cgroup pid tid"),
    "syscall": _not_attached("run it: programs.NAME.run(context=...)"),
    "xdp": _takes("xdp", "interface", optional="mode netns"),
    "xdp/devmap": _IN_A_DEVMAP,
    "xdp.frags/devmap": _IN_A_DEVMAP,
    "xdp/cpumap": _not_attached("put it into a cpumap: maps.NAME[0] = (size, program)"),
    "xdp.frags/cpumap": _not_attached("put it into a cpumap: maps.NAME[0] = (size, program)"),
    "perf_event": _takes("perf_event", "type", "config", "period|frequency", optional="pid cpu cookie"),
    "lwt_in": _ROUTE,
    "lwt_out": _ROUTE,
    "lwt_xmit": _ROUTE,
    "lwt_seg6local": _takes("lwt", "route", "interface"),
    "sockops": _CGROUP,
    "cgroup": _CGROUP,
    "cgroup/skb": _takes("cgroup", "cgroup", "point", optional="flags", points=_BOTH_WAYS),
    "cgroup_skb": _CGROUP,
    "sk_skb": _not_attached(
        'name the section "sk_skb/verdict", "sk_skb/stream_verdict" or "sk_skb/stream_parser"'
    ),
    "sk_skb/stream_parser": _SOCKMAP,
    "sk_skb/stream_verdict": _SOCKMAP,
    "sk_skb/verdict": _SOCKMAP,
    "sk_msg": _SOCKMAP,
    "lirc_mode2": _not_attached("only an infrared receiver takes it, and a machine here has none"),
    "flow_dissector": _takes("netns", optional="netns"),
    "sk_lookup": _takes("netns", optional="netns"),
    "struct_ops": _not_attached("attach the map that holds it: maps.NAME.attach()"),
    "netfilter": _takes(
        "netfilter", "family", "point", "priority", optional="flags netns", points=_NETFILTER
    ),
}

_TEXT: Final = Setting((str,))
_NUMBER: Final = Setting((int,))

#: Every setting, by name. Which words ``point`` may be depends on the kind of hook.
SETTINGS: Final[Mapping[str, Setting]] = {
    "interface": Setting((str, int)),
    "mode": Setting((str,), ("native", "generic", "offload")),
    "netns": _TEXT,
    "cgroup": _TEXT,
    "map": _TEXT,
    "socket": Setting(()),
    "point": Setting((str,), (*_BOTH_WAYS, *_NETFILTER)),
    "family": Setting((str,), ("ipv4", "ipv6")),
    "priority": _NUMBER,
    "handle": _NUMBER,
    "flags": _NUMBER,
    "route": _TEXT,
    "via": _TEXT,
    "headroom": _NUMBER,
    "function": _TEXT,
    "functions": Setting((list,)),
    "pattern": _TEXT,
    "offset": _NUMBER,
    "binary": _TEXT,
    "provider": _TEXT,
    "name": _TEXT,
    "category": _TEXT,
    "type": Setting((str, int)),
    "config": Setting((str, int)),
    "period": _NUMBER,
    "frequency": _NUMBER,
    "pid": _NUMBER,
    "tid": _NUMBER,
    "cpu": _NUMBER,
    "cookie": _NUMBER,
    "target": Setting(()),
}


def attachment(kind: HookKind) -> Attachment:
    """How programs of *kind* are attached: a sleepable kind as its plain one, a point as its group."""
    name = kind.prefix
    for candidate in (name, name.removesuffix(".s"), name.removesuffix(".w"), name.partition("/")[0]):
        if found := _ATTACHMENTS.get(candidate):
            return found
    return _ATTACHMENTS[name.partition(".")[0]]
