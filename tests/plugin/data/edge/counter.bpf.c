#include "ebpf.h"

SEC("xdp")
int count(struct xdp_md *ctx)
{
    __u32 zero = 0;
    struct counters *found = bpf_map_lookup_elem(&stats, &zero);

    if (!found)
        return XDP_ABORTED;
    found->packets++;
    found->bytes += ctx->data_end - ctx->data;
    return limit && found->packets > limit ? XDP_DROP : XDP_PASS;
}
