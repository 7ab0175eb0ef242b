#include "ebpf.h"

SEC("netfilter")
int refuse(struct bpf_nf_ctx *ctx)
{
	return NF_DROP;
}
