#include "ebpf.h"

/* Sees what the primary device of a pair sends. */
SEC("netkit/primary")
int primary(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&seen, 1);
	return NETKIT_PASS;
}

/* Sees what its peer sends: whoever owns the primary decides for the container. */
SEC("netkit/peer")
int peer(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&seen, 1);
	return NETKIT_DROP;
}
