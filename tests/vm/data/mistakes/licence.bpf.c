/* A helper that is for free software alone. */
#include "mistakes.h"

SEC("?xdp")
int needs_gpl(struct xdp_md *ctx)
{
	return bpf_ktime_get_ns() + bpf_probe_read_kernel(ctx, 0, ctx);
}

SEC("?kprobe/do_nothing")
int prints(void *ctx)
{
	bpf_printk("hello");
	return 0;
}

char LICENSE[] SEC("license") = "Proprietary";
