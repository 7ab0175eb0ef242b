/* A packet goes from one program to the next. */
#include "ebpf.h"

SEC("xdp")
int entry(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &stages, SECOND);
	return XDP_ABORTED;
}

SEC("xdp")
int report(struct xdp_md *ctx)
{
	return XDP_TX;
}
