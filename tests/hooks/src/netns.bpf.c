#include "ebpf.h"

/* Finds no flow in any packet. */
SEC("flow_dissector")
int dissect(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&seen, 1);
	return BPF_DROP;
}

/* Who connects to a port from 8000 to 8999 gets the one socket in the map. */
SEC("sk_lookup")
int steer(struct bpf_sk_lookup *ctx)
{
	__u32 first = 0;
	struct bpf_sock *sk;
	long failed;

	if (ctx->local_port / 1000 != 8 || !(sk = bpf_map_lookup_elem(&servers, &first)))
		return SK_PASS;
	failed = bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return failed ? SK_DROP : SK_PASS;
}
