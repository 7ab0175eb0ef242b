/* Programs at functions of another program: filter.bpf.c. */
#include "ebpf.h"

SEC("freplace/decide")
int decide_otherwise(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("fentry/filter")
int BPF_PROG(filter_begins, struct xdp_buff *packet)
{
	__sync_fetch_and_add(&seen, 1);
	return 0;
}

SEC("fexit/filter")
int BPF_PROG(filter_ends, struct xdp_buff *packet, int ret)
{
	result = ret;
	return 0;
}
