#include "ebpf.h"

/* One program for both ways of attaching: tcx where the kernel has it, else tc. */
static __always_inline int answer(struct __sk_buff *skb)
{
	return bpf_redirect(skb->ifindex, 0);
}

SEC("tcx/ingress")
int by_tcx(struct __sk_buff *skb)
{
	return answer(skb);
}

SEC("tc/ingress")
int by_tc(struct __sk_buff *skb)
{
	return answer(skb);
}
