/* Something to attach wherever the pages attach a program. */
#include "ebpf.h"

#define BLOCKED 0xff /* the first byte of a frame that is dropped */

SEC("xdp")
int ingress(struct xdp_md *ctx)
{
	__u8 *first = (void *)(long)ctx->data;
	__u32 key = 0;
	__u64 *flow = bpf_map_lookup_elem(&flows, &key);

	if ((void *)(first + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	if (flow)
		__sync_fetch_and_add(flow, 1);
	__sync_fetch_and_add(&seen, 1);
	return *first == BLOCKED ? XDP_DROP : XDP_TX;
}

SEC("xdp")
int forward(struct xdp_md *ctx)
{
	return bpf_redirect_map(&ports, 0, 0);
}

SEC("xdp")
int passes(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp")
int elsewhere(struct xdp_md *ctx)
{
	return bpf_redirect_map(&devices, 3, 0);
}

SEC("cgroup/connect4")
int connects(struct bpf_sock_addr *ctx)
{
	return 1;
}

SEC("cgroup/sock_create")
int denies(struct bpf_sock *ctx)
{
	return 0;
}
