#include "ebpf.h"

SEC("lwt_in")
int comes_by(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&seen, 1);
	return BPF_OK;
}

SEC("lwt_out")
int refuse(struct __sk_buff *skb)
{
	return BPF_DROP;
}

/* Puts packets into a tunnel, IP in IP. */
SEC("lwt_xmit")
int encapsulate(struct __sk_buff *skb)
{
	struct iphdr outer;

	__builtin_memset(&outer, 0, sizeof(outer));	/* 5.10 refuses bit fields of what was never written */
	outer.version = 4;
	outer.ihl = 5;
	outer.tot_len = bpf_htons(skb->len + sizeof(outer));
	outer.ttl = 64;
	outer.protocol = IPPROTO_IPIP;
	outer.saddr = bpf_htonl(0x0a4d0001);	/* 10.77.0.1 */
	outer.daddr = bpf_htonl(0x0a4d0002);	/* 10.77.0.2 */
	if (bpf_lwt_push_encap(skb, BPF_LWT_ENCAP_IP, &outer, sizeof(outer)))
		return BPF_DROP;
	return BPF_LWT_REROUTE;
}
