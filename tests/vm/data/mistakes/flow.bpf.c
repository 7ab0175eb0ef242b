/* Where programs go, what they return and what they hold. */
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

SEC("?cgroup_skb/ingress")
int verdict_out_of_range(struct __sk_buff *skb)
{
	return 5;
}

SEC("?cgroup_skb/ingress")
int verdict_unknown(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("?xdp")
int nothing_returned(struct xdp_md *ctx)
{
	asm volatile("exit");
	return XDP_PASS;
}

SEC("?xdp")
int never_set(struct xdp_md *ctx)
{
	long number;

	asm volatile("%0 = r7" : "=r"(number));
	return number;
}

SEC("?xdp")
int endless(struct xdp_md *ctx)
{
	volatile __u32 stop = 0;

	while (!stop)
		;
	return XDP_PASS;
}

SEC("?xdp")
int too_many_jumps(struct xdp_md *ctx)
{
	__u32 sum = 0;

	for (__u32 i = 0; i < 20000; i++)
		if (bpf_get_prandom_u32() == i)
			sum++;
	return sum;
}

static __noinline int deeper(struct xdp_md *ctx)
{
	volatile __u8 buffer[400] = {};

	return buffer[ctx->rx_queue_index & 127];
}

SEC("?xdp")
int stack_too_deep(struct xdp_md *ctx)
{
	volatile __u8 buffer[256] = {};

	return buffer[deeper(ctx) & 127];
}

SEC("?xdp")
int pointer_multiplied(struct xdp_md *ctx)
{
	long number;

	asm volatile("%0 = %1; %0 *= 2" : "=r"(number) : "r"(ctx));
	return number;
}

SEC("?xdp")
int pointer_halved(struct xdp_md *ctx)
{
	struct numbers *found = numbers_of(0);

	if (!found)
		return XDP_DROP;
	asm volatile("r0 = %0; w0 += 1" :: "r"(found) : "r0");
	return XDP_PASS;
}

SEC("?tc")
int lock_kept(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct locked *found = bpf_map_lookup_elem(&locks, &key);

	if (!found)
		return TC_ACT_SHOT;
	bpf_spin_lock(&found->lock);
	found->count++;
	return TC_ACT_OK;
}

SEC("?tc")
int lock_held_in_call(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct locked *found = bpf_map_lookup_elem(&locks, &key);

	if (!found)
		return TC_ACT_SHOT;
	bpf_spin_lock(&found->lock);
	found->count = bpf_get_prandom_u32();
	bpf_spin_unlock(&found->lock);
	return TC_ACT_OK;
}

SEC("?xdp")
int code_never_reached(struct xdp_md *ctx)
{
	asm volatile("r0 = 2; exit; r0 = 1");
	return XDP_PASS;
}

static __noinline __u32 item_of(struct numbers *numbers, __u32 index)
{
	return numbers->item[index];
}

SEC("?xdp")
int mistake_in_function(struct xdp_md *ctx)
{
	struct numbers *found = numbers_of(2);

	if (!found)
		return XDP_DROP;
	return item_of(found, ctx->rx_queue_index);
}

SEC("?fentry/no_such_function_anywhere")
int nowhere(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
