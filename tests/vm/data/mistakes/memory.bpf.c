/* Memory that programs have no right to. */
#include "mistakes.h"

const volatile __u32 limit = 4;

SEC("?xdp")
int packet_unchecked(struct xdp_md *ctx)
{
	struct ethhdr *eth = PACKET(ctx);

	if (eth->h_proto == 8)
		return XDP_DROP;
	return XDP_PASS;
}

SEC("?xdp")
int packet_checked_too_short(struct xdp_md *ctx)
{
	struct ethhdr *eth = PACKET(ctx);
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(eth + 1) > PACKET_END(ctx))
		return XDP_DROP;
	if (ip->protocol == 17)
		return XDP_DROP;
	return XDP_PASS;
}

SEC("?xdp")
int packet_stale(struct xdp_md *ctx)
{
	struct ethhdr *eth = PACKET(ctx);

	if ((void *)(eth + 1) > PACKET_END(ctx))
		return XDP_DROP;
	if (bpf_xdp_adjust_head(ctx, -8))
		return XDP_DROP;
	eth->h_proto = 8;
	return XDP_TX;
}

SEC("?xdp")
int packet_variable(struct xdp_md *ctx)
{
	__u8 *data = PACKET(ctx);

	if (data + 64 > (__u8 *)PACKET_END(ctx))
		return XDP_DROP;
	data += data[0];
	return data[1];
}

SEC("?xdp")
int null_unchecked(struct xdp_md *ctx)
{
	struct numbers *found = numbers_of(ctx->rx_queue_index);

	found->item[0]++;
	return XDP_PASS;
}

SEC("?xdp")
int null_unchecked_sum(struct xdp_md *ctx)
{
	struct numbers *found = numbers_of(ctx->rx_queue_index);
	__u32 *third;

	asm volatile("%0 = %1; %0 += 8" : "=r"(third) : "r"(found));
	return *third;
}

SEC("?xdp")
int value_too_far(struct xdp_md *ctx)
{
	struct numbers *found = numbers_of(0);

	if (!found)
		return XDP_DROP;
	return *((__u32 *)found + 16);
}

SEC("?xdp")
int value_unbounded(struct xdp_md *ctx)
{
	struct numbers *found = numbers_of(0);
	__u32 index = ctx->rx_queue_index;

	if (!found)
		return XDP_DROP;
	return found->item[index];
}

SEC("?xdp")
int value_negative(struct xdp_md *ctx)
{
	struct numbers *found = numbers_of(0);
	int index = ctx->rx_queue_index;

	if (!found || index > 15)
		return XDP_DROP;
	return found->item[index];
}

SEC("?xdp")
int value_one_too_many(struct xdp_md *ctx)
{
	struct numbers *found = numbers_of(0);
	__u32 index = ctx->rx_queue_index;

	if (!found || index > 16)
		return XDP_DROP;
	return found->item[index];
}

SEC("?xdp")
int constant_written(struct xdp_md *ctx)
{
	*(volatile __u32 *)&limit = 5;
	return XDP_PASS;
}

SEC("?xdp")
int stack_too_far(struct xdp_md *ctx)
{
	volatile __u8 buffer[8] = {};
	__u32 index = ctx->rx_queue_index & 0xffff;

	buffer[index] = 1;
	return buffer[0];
}

SEC("?xdp")
int stack_below(struct xdp_md *ctx)
{
	asm volatile("*(u64 *)(r10 - 520) = %0" :: "r"(1L));
	return XDP_PASS;
}

SEC("?xdp")
int number_as_pointer(struct xdp_md *ctx)
{
	__u32 *address = (void *)(long)ctx->rx_queue_index;

	return *address;
}

SEC("?xdp")
int context_too_far(struct xdp_md *ctx)
{
	return *(volatile __u32 *)((char *)ctx + 200);
}

SEC("?xdp")
int context_written(struct xdp_md *ctx)
{
	ctx->ingress_ifindex = 3;
	return XDP_PASS;
}

SEC("?xdp")
int context_moved(struct xdp_md *ctx)
{
	struct xdp_md *moved;

	asm volatile("%0 = %1; %0 += %2"
		     : "=&r"(moved) : "r"(ctx), "r"((long)(ctx->rx_queue_index & 4)));
	return moved->ingress_ifindex;
}

SEC("?xdp")
int misaligned(struct xdp_md *ctx)
{
	asm volatile("*(u32 *)(r10 - 6) = %0" :: "r"(1));
	return XDP_PASS;
}

SEC("?fentry/bpf_fentry_test7")
int structure_too_far(unsigned long long *ctx)
{
	__u64 *structure = (void *)ctx[0];

	return structure[8];
}

SEC("?xdp")
int context_given_moved(struct xdp_md *ctx)
{
	return bpf_xdp_adjust_head((void *)ctx + 8, 0);
}

char LICENSE[] SEC("license") = "GPL";
