/* A program with a function that others replace or trace: patch.bpf.c. */
#include "ebpf.h"

__noinline int decide(struct xdp_md *ctx)
{
	volatile int verdict = XDP_PASS;

	return verdict + (ctx->data == 0);
}

SEC("xdp")
int filter(struct xdp_md *ctx)
{
	return decide(ctx);
}
