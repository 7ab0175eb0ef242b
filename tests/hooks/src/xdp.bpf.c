#include "ebpf.h"

SEC("xdp")
int count_xdp(struct xdp_md *ctx)
{
	__sync_fetch_and_add(&seen, 1);
	return XDP_PASS;
}

SEC("xdp")
int reflect(struct xdp_md *ctx)
{
	return XDP_TX;
}
