/* Mistakes that many have made, on all kinds of programs. */
#include "mistakes.h"

struct locked {
	struct bpf_spin_lock lock;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct locked);
	__uint(max_entries, 1);
} locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(max_entries, 4);
} stages SEC(".maps");

struct registers {
	__u64 at[21];
};

struct task_struct {
	int tgid;
} __attribute__((preserve_access_index));

static struct locked *locked(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&locks, &key);
}

SEC("?xdp")
int header_of_variable_length(struct xdp_md *ctx)
{
	struct iphdr *ip = PACKET(ctx) + ETH_HLEN;

	if ((void *)(ip + 1) > PACKET_END(ctx))
		return XDP_PASS;
	__u16 *ports = (void *)ip + ip->ihl * 4;
	return ports[1] == 80 ? XDP_DROP : XDP_PASS;
}

SEC("?xdp")
int length_compared(struct xdp_md *ctx)
{
	struct ethhdr *eth = PACKET(ctx);

	if (PACKET_END(ctx) - PACKET(ctx) < ETH_HLEN)
		return XDP_PASS;
	return eth->h_proto == 8 ? XDP_DROP : XDP_PASS;
}

static __noinline int change_ttl(struct __sk_buff *skb)
{
	__u8 ttl = 63;

	return bpf_skb_store_bytes(skb, ETH_HLEN + 8, &ttl, 1, 0);
}

SEC("?tc")
int stale_by_function(struct __sk_buff *skb)
{
	struct iphdr *ip = PACKET(skb) + ETH_HLEN;

	if ((void *)(ip + 1) > PACKET_END(skb))
		return TC_ACT_OK;
	if (change_ttl(skb))
		return TC_ACT_SHOT;
	return ip->protocol == 6 ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("?kprobe/do_nothing")
int copy_too_long(struct registers *registers)
{
	struct numbers *found = numbers_of(0);
	__u64 length = registers->at[12];

	if (!found || length > 128)
		return 0;
	bpf_probe_read_user(found, length, (void *)4096);
	return 0;
}

SEC("?kprobe/do_nothing")
int kernel_read_directly(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return task->tgid;
}

SEC("?tc")
int packet_to_helper(struct __sk_buff *skb)
{
	void *packet = PACKET(skb);

	if (packet + 64 > PACKET_END(skb))
		return TC_ACT_OK;
	bpf_perf_event_output(skb, &samples, BPF_F_CURRENT_CPU, packet, 64);
	return TC_ACT_OK;
}

SEC("?tc")
int socket_not_acquired(struct __sk_buff *skb)
{
	struct bpf_sock *found = skb->sk;

	if (!found)
		return TC_ACT_OK;
	found = bpf_sk_fullsock(found);
	if (found)
		bpf_sk_release(found);
	return TC_ACT_OK;
}

SEC("?xdp")
int record_variable(struct xdp_md *ctx)
{
	__u32 size = ctx->rx_queue_index & 63;
	void *record = bpf_ringbuf_reserve(&events, size, 0);

	if (record)
		bpf_ringbuf_discard(record, 0);
	return XDP_PASS;
}

SEC("?xdp")
int record_moved(struct xdp_md *ctx)
{
	__u64 *record = bpf_ringbuf_reserve(&events, 16, 0);

	if (!record)
		return XDP_PASS;
	*record++ = 1;
	*record = 2;
	bpf_ringbuf_submit(record, 0);
	return XDP_PASS;
}

SEC("?tc")
int unlocked_only(struct __sk_buff *skb)
{
	struct locked *found = locked();

	if (!found)
		return TC_ACT_SHOT;
	bpf_spin_unlock(&found->lock);
	return TC_ACT_OK;
}

SEC("?tc")
int lock_read(struct __sk_buff *skb)
{
	struct locked *found = locked();

	if (!found)
		return TC_ACT_SHOT;
	return *(volatile __u32 *)&found->lock;
}

SEC("?kprobe/do_nothing")
int lock_in_tracing(void *ctx)
{
	struct locked *found = locked();

	if (!found)
		return 0;
	bpf_spin_lock(&found->lock);
	found->count++;
	bpf_spin_unlock(&found->lock);
	return 0;
}

static __noinline int next_stage(struct __sk_buff *skb)
{
	volatile int kept = skb->len;

	bpf_tail_call(skb, &stages, 1);
	return kept;
}

SEC("?tc")
int tail_call_below_stack(struct __sk_buff *skb)
{
	volatile char buffer[300] = {};

	return next_stage(skb) + buffer[skb->len & 255];
}

SEC("?fentry/bpf_fentry_test1")
int argument_too_many(__u64 *ctx)
{
	return ctx[3] == 5;
}

SEC("?fentry/bpf_fentry_test1")
int tracing_returns(__u64 *ctx)
{
	return ctx[0];
}

SEC("?cgroup/connect4")
int error_returned(struct bpf_sock_addr *ctx)
{
	return -1;
}

SEC("?xdp")
int atomic_on_packet(struct xdp_md *ctx)
{
	__u64 *packet = PACKET(ctx);

	if ((void *)(packet + 1) > PACKET_END(ctx))
		return XDP_PASS;
	__sync_fetch_and_add(packet, 1);
	return XDP_PASS;
}

SEC("?cgroup_skb/egress")
int packet_read_only(struct __sk_buff *skb)
{
	struct iphdr *ip = PACKET(skb);

	if ((void *)(ip + 1) > PACKET_END(skb))
		return 1;
	ip->ttl = 1;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
