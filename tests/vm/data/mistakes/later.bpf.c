/* No mistake: an instruction that came with Linux 5.12. */
#include "mistakes.h"

__u64 count;

SEC("?xdp")
int fetches(struct xdp_md *ctx)
{
	return __sync_fetch_and_add(&count, 1) & 1 ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
