/* Programs on those of links_target.bpf.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "registers.h"
#include <bpf/bpf_tracing.h>

__u64 calls;

SEC("?freplace/decide")
int replacement(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("?fentry/entrance")
int BPF_PROG(on_entrance, void *packet)
{
	calls++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
