// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A gate for netfilter, which takes BPF programs since Linux 6.4: packets longer than the longest that is
 * allowed are dropped.
 */
#include "ebpf.h"

SEC("netfilter")
int inspect(struct bpf_nf_ctx *ctx)
{
	return ctx->skb->len > longest ? NF_DROP : NF_ACCEPT;
}
