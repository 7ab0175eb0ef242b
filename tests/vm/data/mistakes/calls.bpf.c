/* Helpers called in ways they are not meant to be. */
#include "mistakes.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("?xdp")
int helper_of_others(struct xdp_md *ctx)
{
	__u8 byte;

	return bpf_skb_load_bytes(ctx, 0, &byte, 1) ? XDP_PASS : XDP_DROP;
}

SEC("?xdp")
int helper_in_future(struct xdp_md *ctx)
{
	long (*from_the_future)(void) = (void *)9999;

	return from_the_future();
}

SEC("?xdp")
int key_is_a_number(struct xdp_md *ctx)
{
	void *found = bpf_map_lookup_elem(&table, (void *)7L);

	return found ? XDP_PASS : XDP_DROP;
}

SEC("?tc")
int buffer_too_small(struct __sk_buff *skb)
{
	__u8 buffer[8];

	if (bpf_skb_load_bytes(skb, 0, buffer, 16))
		return TC_ACT_SHOT;
	return buffer[0];
}

SEC("?tc")
int length_unbounded(struct __sk_buff *skb)
{
	__u8 buffer[64] = {};
	__u32 length = skb->len | 1;

	if (bpf_skb_load_bytes(skb, 0, buffer, length))
		return TC_ACT_SHOT;
	return buffer[0];
}

SEC("?tc")
int length_negative(struct __sk_buff *skb)
{
	__u8 buffer[64] = {};
	struct numbers *found = numbers_of(skb->ifindex);
	long length = found ? *(long *)found->item : 1;

	if (length > 64 || length == 0)
		return TC_ACT_SHOT;
	if (bpf_skb_load_bytes(skb, 0, buffer, length))
		return TC_ACT_SHOT;
	return buffer[0];
}

SEC("?tc")
int length_zero(struct __sk_buff *skb)
{
	__u8 buffer[64] = {};
	__u32 length = skb->len & 63;

	if (bpf_skb_load_bytes(skb, 0, buffer, length))
		return TC_ACT_SHOT;
	return buffer[0];
}

SEC("?xdp")
int record_kept(struct xdp_md *ctx)
{
	__u32 *record = bpf_ringbuf_reserve(&events, 4, 0);

	if (!record)
		return XDP_DROP;
	*record = 1;
	return XDP_PASS;
}

SEC("?tc")
int socket_kept(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *found;

	found = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!found)
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}

SEC("?tc")
int socket_released_unchecked(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *found;

	found = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	bpf_sk_release(found);
	return TC_ACT_OK;
}

SEC("?xdp")
int record_used_after(struct xdp_md *ctx)
{
	__u32 *record = bpf_ringbuf_reserve(&events, 4, 0);

	if (!record)
		return XDP_DROP;
	bpf_ringbuf_discard(record, 0);
	*record = 1;
	return XDP_PASS;
}

SEC("?xdp")
int wrong_map(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &table, 0);
	return XDP_PASS;
}

SEC("?fentry/bpf_fentry_test1")
int sleeps(void *ctx)
{
	__u64 number = 0;

	bpf_copy_from_user(&number, sizeof(number), (void *)4096);
	return 0;
}

SEC("?xdp")
int record_too_small(struct xdp_md *ctx)
{
	__u32 *record = bpf_ringbuf_reserve(&events, 4, 0);

	if (!record)
		return XDP_DROP;
	record[3] = 1;
	bpf_ringbuf_submit(record, 0);
	return XDP_PASS;
}

SEC("?tc")
int socket_released_twice(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *found;

	found = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!found)
		return TC_ACT_SHOT;
	bpf_sk_release(found);
	bpf_sk_release(found); /* again */
	return TC_ACT_OK;
}

SEC("?xdp")
int lost_in_call(struct xdp_md *ctx)
{
	long number;

	asm volatile("r3 = 5; call 7; %0 = r3" : "=r"(number) :: "r0", "r1", "r2", "r3", "r4", "r5");
	return number;
}

char LICENSE[] SEC("license") = "GPL";
