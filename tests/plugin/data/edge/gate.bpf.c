#include "ebpf.h"

SEC("netfilter")
int inspect(struct bpf_nf_ctx *ctx)
{
    return NF_ACCEPT;
}
