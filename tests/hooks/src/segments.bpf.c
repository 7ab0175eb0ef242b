#include "ebpf.h"

/* The action of a segment of IPv6 segment routing. */
SEC("lwt_seg6local")
int visit(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&seen, 1);
	return BPF_OK;
}
