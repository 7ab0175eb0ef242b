#include "ebpf.h"

SEC("tcx/ingress")
int send_back(struct __sk_buff *skb)
{
	return bpf_redirect(skb->ifindex, 0);
}

/* Signs a frame: the last byte of its source address becomes 0x42. */
SEC("tcx/egress")
int sign(struct __sk_buff *skb)
{
	__u8 mark = 0x42;

	bpf_skb_store_bytes(skb, 11, &mark, sizeof(mark), 0);
	return TCX_PASS;
}
