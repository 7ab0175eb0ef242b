"""Which modules of a distribution kernel are kept."""

from __future__ import annotations

from typing import Final

#: What is kept of the thousand modules of a distribution kernel, where they are not built in. A cache entry
#: notes what it was made with; one that was made with less is made anew.
WANTED: Final = (
    # The machine itself: the port of the agent, the wire.
    "virtio_pci",
    "virtio_console",
    "virtio_net",
    # Devices that programs are attached to. netkit is built in where it exists.
    "veth",
    "dummy",
    "tun",
    "ifb",
    # tc: the clsact hook, the classifier and the action; the queue that obeys the times programs set.
    "sch_ingress",
    "cls_bpf",
    "act_bpf",
    "sch_fq",
    # bpf_skb_set_tunnel_key and its like; where what programs encapsulate is taken out again.
    "vxlan",
    "geneve",
    "ip_gre",
    "ipip",
    "ip6_tunnel",
    # BPF_F_NETFILTER_IP_DEFRAG, and the kfuncs bpf_xdp_ct_lookup, bpf_skb_ct_lookup, bpf_ct_set_nat_info.
    "nf_defrag_ipv4",
    "nf_defrag_ipv6",
    "nf_conntrack",
    "nf_nat",
    # Sockets in a sockmap.
    "vsock",
    "vsock_loopback",
    "tls",
    # bpf_setsockopt(TCP_CONGESTION): cubic and reno are built in. They also register kfuncs for struct_ops.
    "tcp_bbr",
    "tcp_dctcp",
)
