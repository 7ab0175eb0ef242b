"""Objects as others build them: what a first test can begin with, and what it cannot."""

from __future__ import annotations

_HEAD = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n"
_LICENSE = 'char LICENSE[] SEC("license") = "GPL";\n'

#: Maps as they were declared before BTF.
LEGACY = (
    _HEAD
    + """
struct bpf_map_def { unsigned type, key_size, value_size, max_entries, map_flags; };
struct bpf_map_def SEC("maps") counts = { BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0 };
SEC("xdp") int count(struct xdp_md *ctx)
{
    __u32 zero = 0;
    __u64 *value = bpf_map_lookup_elem(&counts, &zero);
    if (value)
        (*value)++;
    return XDP_PASS;
}
"""
)

#: For builds without BTF, and for the other byte order: no maps, no licence.
BARE = (
    _HEAD
    + """
SEC("xdp") int pass(struct xdp_md *ctx) { return XDP_PASS; }
SEC("socket") int whole(struct __sk_buff *skb) { return skb->len; }
"""
)

#: Several programs of one section, an unknown section, a name that no manifest takes.
SEVERAL = (
    _HEAD
    + """
static __noinline int length(struct xdp_md *ctx) { return ctx->data_end - ctx->data; }
SEC("xdp") int first(struct xdp_md *ctx) { return length(ctx) > 100 ? XDP_DROP : XDP_PASS; }
SEC("xdp") int second(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp") int __third(struct xdp_md *ctx) { return XDP_TX; }
SEC("mine") int odd(void *ctx) { return 0; }
SEC("xdp/devmap") int on_its_way(struct xdp_md *ctx) { return XDP_PASS; }
SEC("tc/ingress") int shaper(struct __sk_buff *skb) { return 0; }
"""
    + _LICENSE
)

#: What a loader must set; a map that is larger than a machine.
OPEN = (
    _HEAD
    + """
struct rule { __u32 action; __u64 hits; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, __u32); __type(value, struct rule); }
    sized_later SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(key_size, 4); __uint(max_entries, 16); }
    valued_later SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, __u64); __type(value, __u64);
         __uint(max_entries, 1 << 24); } huge SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); }
    samples SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __type(key, __u32); __uint(value_size, 4);
         __uint(max_entries, 8); } tenants SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(key_size, 4); } stacks SEC(".maps");
const volatile __u32 limit;
const volatile _Bool debug;
const volatile char name[16];
const volatile struct rule fallback;
const volatile __u32 ports[4];
const volatile __u32 fixed = 7;
SEC("xdp") int uses_all(struct xdp_md *ctx)
{
    __u32 key = limit + debug + name[0] + fallback.action + ports[ctx->rx_queue_index & 3] + fixed;
    __u64 wide = key;
    struct rule *rule = bpf_map_lookup_elem(&sized_later, &key);
    bpf_map_lookup_elem(&valued_later, &key);
    bpf_map_lookup_elem(&huge, &wide);
    bpf_map_lookup_elem(&tenants, &key);
    bpf_ringbuf_output(&events, &key, sizeof(key), 0);
    bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU, &key, sizeof(key));
    return rule ? XDP_DROP : XDP_PASS;
}
SEC("kprobe/do_nanosleep") int sampled(void *ctx) { return bpf_get_stackid(ctx, &stacks, 0) < 0; }
"""
    + _LICENSE
)

#: Programs by how they come to be called.
HOOKS = (
    _HEAD
    + """
SEC("fentry/do_nanosleep") int traced(void *ctx) { return 0; }
SEC("fentry/no_such_function_anywhere") int gone(void *ctx) { return 0; }
SEC("fentry") int traced_somewhere(void *ctx) { return 0; }
SEC("freplace/main") int replaced(void *ctx) { return 0; }
SEC("?kprobe/do_nanosleep") int asked_for(void *ctx) { return 0; }
SEC("kprobe") int probed_somewhere(void *ctx) { return 0; }
SEC("kprobe/do_nanosleep") int probed(void *ctx) { return 0; }
SEC("uprobe//bin/sh:main") int in_a_binary(void *ctx) { return 0; }
SEC("tracepoint/syscalls/sys_enter_nanosleep") int at_tracepoint(void *ctx) { return 0; }
SEC("raw_tp/sys_enter") int raw(void *ctx) { return 0; }
SEC("tp_btf/sched_switch") int switched(void *ctx) { return 0; }
SEC("iter/task") int tasks(void *ctx) { return 0; }
SEC("iter/bpf_map_elem") int elements(void *ctx) { return 0; }
SEC("perf_event") int ticked(void *ctx) { return 0; }
SEC("cgroup/connect4") int connects(struct bpf_sock_addr *ctx) { return 1; }
SEC("sk_lookup") int looked_up(struct bpf_sk_lookup *ctx) { return SK_PASS; }
SEC("flow_dissector") int dissected(struct __sk_buff *skb) { return BPF_OK; }
SEC("lwt_xmit") int routed(struct __sk_buff *skb) { return BPF_OK; }
SEC("lsm/file_open") int guarded(void *ctx) { return 0; }
SEC("sk_reuseport") int chosen(struct sk_reuseport_md *ctx) { return SK_PASS; }
"""
    + _LICENSE
)

#: A helper of Linux 5.11, and nothing besides.
NEWER = (
    _HEAD
    + 'SEC("fentry/do_nanosleep") int traced(void *ctx) { return !bpf_get_current_task_btf(); }\n'
    + _LICENSE
)

#: What is attached to a function that no kernel has.
ASTRAY = (
    _HEAD
    + """
SEC("kprobe/no_such_function_anywhere") int astray(void *ctx) { return 0; }
SEC("kprobe/do_nanosleep") int placed(void *ctx) { return 0; }
"""
    + _LICENSE
)

#: Tail calls to programs of a section that libbpf does not know, in an array that holds them from the start.
TAILS = (
    _HEAD
    + """
int later(struct xdp_md *ctx);
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(key_size, 4); __uint(max_entries, 2);
         __array(values, int(struct xdp_md *)); } stages SEC(".maps") = { .values = { [1] = &later } };
SEC("tail") int later(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp") int first(struct xdp_md *ctx) { bpf_tail_call(ctx, &stages, 1); return XDP_DROP; }
"""
    + _LICENSE
)

#: A program whose context only its author knows.
CONTEXT = _HEAD + 'SEC("syscall") int called(void *ctx) { return 0; }\n' + _LICENSE

#: Callbacks of a kernel's struct, which are attached as a map.
OPS = (
    _HEAD
    + """
struct sock;
struct tcp_congestion_ops {
    char name[16];
    unsigned (*ssthresh)(struct sock *sk);
    unsigned (*undo_cwnd)(struct sock *sk);
    void (*cong_avoid)(struct sock *sk, unsigned ack, unsigned acked);
};
SEC("struct_ops/ssthresh") unsigned ssthresh(unsigned long long *ctx) { return 2; }
SEC("struct_ops/undo_cwnd") unsigned undo_cwnd(unsigned long long *ctx) { return 2; }
SEC("struct_ops/cong_avoid") void cong_avoid(unsigned long long *ctx) { }
SEC(".struct_ops") struct tcp_congestion_ops calm = {
    .name = "calm", .ssthresh = (void *)ssthresh, .undo_cwnd = (void *)undo_cwnd,
    .cong_avoid = (void *)cong_avoid,
};
"""
    + _LICENSE
)
