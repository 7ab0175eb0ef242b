#include "ebpf.h"

/* What comes for one socket comes to another: datagrams, too. */
SEC("sk_skb/verdict")
int forward(struct __sk_buff *skb)
{
	return bpf_sk_redirect_map(skb, &ends, 1, BPF_F_INGRESS);
}
