#include "ebpf.h"

SEC("tc")
int send_back(struct __sk_buff *skb)
{
	return bpf_redirect(skb->ifindex, 0);
}

/* Signs a frame: the last byte of its source address becomes 0x42. */
SEC("tc")
int sign(struct __sk_buff *skb)
{
	__u8 mark = 0x42;

	bpf_skb_store_bytes(skb, 11, &mark, sizeof(mark), 0);
	return TC_ACT_UNSPEC;	/* the next program decides */
}

/* What comes for a container goes straight into its network namespace. */
SEC("tc/ingress")
int into_container(struct __sk_buff *skb)
{
	return bpf_redirect_peer(out_by, 0);
}

/* The neighbours of the other device say to which MAC address. */
SEC("tc/ingress")
int to_neighbour(struct __sk_buff *skb)
{
	return bpf_redirect_neigh(out_by, NULL, 0, 0);
}
