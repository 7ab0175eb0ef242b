// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * An accountant for a cgroup: what its processes send and receive is counted, each way on its own, and
 * what goes beyond the quota is dropped.
 *
 * These programs see packets from their IP header on.
 */
#include "ebpf.h"

#define DROPPED 0
#define ALLOWED 1

static __always_inline int account(struct __sk_buff *skb, enum direction direction)
{
	__u32 key = direction;
	struct counters *counters = bpf_map_lookup_elem(&usage, &key);

	if (!counters)
		return ALLOWED;
	if (quota && counters->bytes + skb->len > quota) {
		__sync_fetch_and_add(&counters->dropped, 1);
		return DROPPED;
	}
	__sync_fetch_and_add(&counters->packets, 1);
	__sync_fetch_and_add(&counters->bytes, skb->len);
	return ALLOWED;
}

SEC("cgroup_skb/ingress")
int received(struct __sk_buff *skb)
{
	return account(skb, RECEIVED);
}

SEC("cgroup_skb/egress")
int sent(struct __sk_buff *skb)
{
	return account(skb, SENT);
}
