"""The places a program can be hooked to, by the name of its ELF section.

A hook is written as libbpf writes sections: a kind (``xdp``, ``tcx/ingress``, ``fentry``) and, where the
kind wants one, a target after a slash (``fentry/tcp_connect``). Source: ``section_defs`` in
``src/libbpf.c`` of libbpf 1.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from pytest_ebpf.uapi import BPF, CGROUP, NF, SK, TC, TCX, XDP, AttachType, ProgType


@dataclass(frozen=True)
class HookKind:
    """One row of libbpf's table: the section's *prefix*, whether a target follows, the kernel's types."""

    prefix: str
    prog_type: ProgType
    attach_type: AttachType | None
    target: bool


@dataclass(frozen=True)
class Hook:
    """A hook as written: its *kind* and, if it has one, its *target* (a kernel function, a tracepoint)."""

    kind: HookKind
    target: str | None

    @property
    def section(self) -> str:
        """The ELF section that libbpf understands as this hook."""
        return f"{self.kind.prefix}/{self.target}" if self.target else self.kind.prefix


def _rows(prog_type: ProgType, attach_type: AttachType | None, *prefixes: str) -> tuple[HookKind, ...]:
    return tuple(
        HookKind(prefix.rstrip("+"), prog_type, attach_type, prefix.endswith("+")) for prefix in prefixes
    )


#: ``name+`` wants a target. Order is libbpf's where one prefix begins another.
KINDS: Final[tuple[HookKind, ...]] = (
    *_rows(ProgType.SOCKET_FILTER, None, "socket"),
    *_rows(ProgType.SK_REUSEPORT, AttachType.SK_REUSEPORT_SELECT_OR_MIGRATE, "sk_reuseport/migrate"),
    *_rows(ProgType.SK_REUSEPORT, AttachType.SK_REUSEPORT_SELECT, "sk_reuseport"),
    *_rows(
        ProgType.KPROBE,
        None,
        "kprobe+",
        "uprobe+",
        "uprobe.s+",
        "kretprobe+",
        "uretprobe+",
        "uretprobe.s+",
        "ksyscall+",
        "kretsyscall+",
        "usdt+",
        "usdt.s+",
    ),
    *_rows(ProgType.KPROBE, AttachType.TRACE_KPROBE_MULTI, "kprobe.multi+", "kretprobe.multi+"),
    *_rows(ProgType.KPROBE, AttachType.TRACE_KPROBE_SESSION, "kprobe.session+"),
    *_rows(
        ProgType.KPROBE,
        AttachType.TRACE_UPROBE_MULTI,
        "uprobe.multi+",
        "uretprobe.multi+",
        "uprobe.multi.s+",
        "uretprobe.multi.s+",
    ),
    *_rows(ProgType.KPROBE, AttachType.TRACE_UPROBE_SESSION, "uprobe.session+", "uprobe.session.s+"),
    *_rows(ProgType.SCHED_CLS, AttachType.TCX_INGRESS, "tc/ingress", "tcx/ingress"),
    *_rows(ProgType.SCHED_CLS, AttachType.TCX_EGRESS, "tc/egress", "tcx/egress"),
    *_rows(ProgType.SCHED_CLS, None, "tc", "classifier"),
    *_rows(ProgType.SCHED_ACT, None, "action"),
    *_rows(ProgType.SCHED_CLS, AttachType.NETKIT_PRIMARY, "netkit/primary"),
    *_rows(ProgType.SCHED_CLS, AttachType.NETKIT_PEER, "netkit/peer"),
    *_rows(ProgType.TRACEPOINT, None, "tracepoint+", "tp+"),
    *_rows(ProgType.RAW_TRACEPOINT, None, "raw_tracepoint+", "raw_tp+"),
    *_rows(ProgType.RAW_TRACEPOINT_WRITABLE, None, "raw_tracepoint.w+", "raw_tp.w+"),
    *_rows(ProgType.TRACING, AttachType.TRACE_RAW_TP, "tp_btf+"),
    *_rows(ProgType.TRACING, AttachType.TRACE_FENTRY, "fentry+", "fentry.s+"),
    *_rows(ProgType.TRACING, AttachType.MODIFY_RETURN, "fmod_ret+", "fmod_ret.s+"),
    *_rows(ProgType.TRACING, AttachType.TRACE_FEXIT, "fexit+", "fexit.s+"),
    *_rows(ProgType.TRACING, AttachType.TRACE_FSESSION, "fsession+", "fsession.s+"),
    *_rows(ProgType.EXT, None, "freplace+"),
    *_rows(ProgType.LSM, AttachType.LSM_MAC, "lsm+", "lsm.s+"),
    *_rows(ProgType.LSM, AttachType.LSM_CGROUP, "lsm_cgroup+"),
    *_rows(ProgType.TRACING, AttachType.TRACE_ITER, "iter+", "iter.s+"),
    *_rows(ProgType.SYSCALL, None, "syscall"),
    *_rows(ProgType.XDP, AttachType.XDP_DEVMAP, "xdp.frags/devmap", "xdp/devmap"),
    *_rows(ProgType.XDP, AttachType.XDP_CPUMAP, "xdp.frags/cpumap", "xdp/cpumap"),
    *_rows(ProgType.XDP, AttachType.XDP, "xdp.frags", "xdp"),
    *_rows(ProgType.PERF_EVENT, None, "perf_event"),
    *_rows(ProgType.LWT_IN, None, "lwt_in"),
    *_rows(ProgType.LWT_OUT, None, "lwt_out"),
    *_rows(ProgType.LWT_XMIT, None, "lwt_xmit"),
    *_rows(ProgType.LWT_SEG6LOCAL, None, "lwt_seg6local"),
    *_rows(ProgType.SOCK_OPS, AttachType.CGROUP_SOCK_OPS, "sockops"),
    *_rows(ProgType.SK_SKB, AttachType.SK_SKB_STREAM_PARSER, "sk_skb/stream_parser"),
    *_rows(ProgType.SK_SKB, AttachType.SK_SKB_STREAM_VERDICT, "sk_skb/stream_verdict"),
    *_rows(ProgType.SK_SKB, AttachType.SK_SKB_VERDICT, "sk_skb/verdict"),
    *_rows(ProgType.SK_SKB, None, "sk_skb"),
    *_rows(ProgType.SK_MSG, AttachType.SK_MSG_VERDICT, "sk_msg"),
    *_rows(ProgType.LIRC_MODE2, AttachType.LIRC_MODE2, "lirc_mode2"),
    *_rows(ProgType.FLOW_DISSECTOR, AttachType.FLOW_DISSECTOR, "flow_dissector"),
    *_rows(ProgType.CGROUP_SKB, AttachType.CGROUP_INET_INGRESS, "cgroup_skb/ingress"),
    *_rows(ProgType.CGROUP_SKB, AttachType.CGROUP_INET_EGRESS, "cgroup_skb/egress"),
    *_rows(ProgType.CGROUP_SKB, None, "cgroup/skb"),
    *_rows(ProgType.CGROUP_SOCK, AttachType.CGROUP_INET_SOCK_CREATE, "cgroup/sock_create", "cgroup/sock"),
    *_rows(ProgType.CGROUP_SOCK, AttachType.CGROUP_INET_SOCK_RELEASE, "cgroup/sock_release"),
    *_rows(ProgType.CGROUP_SOCK, AttachType.CGROUP_INET4_POST_BIND, "cgroup/post_bind4"),
    *_rows(ProgType.CGROUP_SOCK, AttachType.CGROUP_INET6_POST_BIND, "cgroup/post_bind6"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET4_BIND, "cgroup/bind4"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET6_BIND, "cgroup/bind6"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET4_CONNECT, "cgroup/connect4"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET6_CONNECT, "cgroup/connect6"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_UNIX_CONNECT, "cgroup/connect_unix"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_UDP4_SENDMSG, "cgroup/sendmsg4"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_UDP6_SENDMSG, "cgroup/sendmsg6"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_UNIX_SENDMSG, "cgroup/sendmsg_unix"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_UDP4_RECVMSG, "cgroup/recvmsg4"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_UDP6_RECVMSG, "cgroup/recvmsg6"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_UNIX_RECVMSG, "cgroup/recvmsg_unix"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET4_GETPEERNAME, "cgroup/getpeername4"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET6_GETPEERNAME, "cgroup/getpeername6"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_UNIX_GETPEERNAME, "cgroup/getpeername_unix"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET4_GETSOCKNAME, "cgroup/getsockname4"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET6_GETSOCKNAME, "cgroup/getsockname6"),
    *_rows(ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_UNIX_GETSOCKNAME, "cgroup/getsockname_unix"),
    *_rows(ProgType.CGROUP_SYSCTL, AttachType.CGROUP_SYSCTL, "cgroup/sysctl"),
    *_rows(ProgType.CGROUP_SOCKOPT, AttachType.CGROUP_GETSOCKOPT, "cgroup/getsockopt"),
    *_rows(ProgType.CGROUP_SOCKOPT, AttachType.CGROUP_SETSOCKOPT, "cgroup/setsockopt"),
    *_rows(ProgType.CGROUP_DEVICE, AttachType.CGROUP_DEVICE, "cgroup/dev"),
    *_rows(ProgType.STRUCT_OPS, None, "struct_ops+", "struct_ops.s+"),
    *_rows(ProgType.SK_LOOKUP, AttachType.SK_LOOKUP, "sk_lookup"),
    *_rows(ProgType.NETFILTER, AttachType.NETFILTER, "netfilter"),
)

_BY_PREFIX: Final = {kind.prefix: kind for kind in KINDS}

_VERDICTS: Final[dict[ProgType, type[IntEnum]]] = {
    ProgType.XDP: XDP,
    ProgType.SCHED_CLS: TC,
    ProgType.SCHED_ACT: TC,
    ProgType.CGROUP_SKB: CGROUP,
    ProgType.SK_LOOKUP: SK,
    ProgType.SK_SKB: SK,
    ProgType.SK_MSG: SK,
    ProgType.SK_REUSEPORT: SK,
    ProgType.FLOW_DISSECTOR: BPF,
    ProgType.LWT_IN: BPF,
    ProgType.LWT_OUT: BPF,
    ProgType.LWT_XMIT: BPF,
    ProgType.NETFILTER: NF,
}

_TCX_TYPES: Final = frozenset(
    {AttachType.TCX_INGRESS, AttachType.TCX_EGRESS, AttachType.NETKIT_PRIMARY, AttachType.NETKIT_PEER}
)


def parse(section: str) -> Hook | None:
    """Read a section name as libbpf does (a leading ``?``: not loaded by default); None if it is no hook."""
    name = section.removeprefix("?")
    if exact := _BY_PREFIX.get(name):
        return Hook(exact, None)
    prefix, _, target = name.partition("/")
    kind = _BY_PREFIX.get(prefix)
    return Hook(kind, target) if kind and kind.target and target else None


def verdicts(prog_type: int, attach_type: int | None = None) -> type[IntEnum] | None:
    """The enumeration of what a program of this type returns; None where it returns a plain number."""
    if attach_type in _TCX_TYPES and prog_type == ProgType.SCHED_CLS:
        return TCX
    try:
        return _VERDICTS.get(ProgType(prog_type))
    except ValueError:
        return None
