/* A program whose function another one replaces: links_replace.bpf.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__attribute__((noinline)) int decide(struct xdp_md *ctx)
{
	volatile int verdict = XDP_PASS;

	return verdict + (ctx->data == 0);
}

SEC("xdp")
int entrance(struct xdp_md *ctx)
{
	return decide(ctx);
}

char LICENSE[] SEC("license") = "GPL";
