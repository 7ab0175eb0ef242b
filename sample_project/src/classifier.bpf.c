// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A classifier for tc: traffic to a known service is sent on to the port and host behind it, and marked
 * so that routing and queueing know it.
 *
 * IPv4 without options, TCP and UDP. Checksums are mended by the kernel's helpers, word by word.
 */
#include "ebpf.h"

#define IP_AT sizeof(struct ethhdr)
#define L4_AT (IP_AT + sizeof(struct iphdr))

#define DSCP_SHIFT 2
#define ECN_MASK 3

static __always_inline long set_dscp(struct __sk_buff *skb, __u8 tos, __u8 dscp)
{
	__u8 new_tos = dscp << DSCP_SHIFT | (tos & ECN_MASK);

	/* The low byte of the first word of the header. */
	bpf_l3_csum_replace(skb, IP_AT + offsetof(struct iphdr, check), bpf_htons(tos), bpf_htons(new_tos), 2);
	return bpf_skb_store_bytes(skb, IP_AT + offsetof(struct iphdr, tos), &new_tos, sizeof(new_tos), 0);
}

static __always_inline long set_port(struct __sk_buff *skb, __u8 protocol, __be16 from, __be16 to)
{
	__u32 checksum_at = L4_AT + offsetof(struct tcphdr, check);
	__u64 flags = sizeof(to);

	if (protocol == IPPROTO_UDP) {
		checksum_at = L4_AT + offsetof(struct udphdr, check);
		flags |= BPF_F_MARK_MANGLED_0; /* no checksum stays no checksum */
	}
	bpf_l4_csum_replace(skb, checksum_at, from, to, flags);
	/* Source and destination port stand in the same places in TCP and UDP. */
	return bpf_skb_store_bytes(skb, L4_AT + offsetof(struct udphdr, dest), &to, sizeof(to), 0);
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	struct service *service;
	struct iphdr ip;
	__be16 port;

	if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, IP_AT, &ip, sizeof(ip)))
		return TC_ACT_OK;
	if (ip.ihl != 5 || ip.frag_off & bpf_htons(IP_MF | IP_OFFSET))
		return TC_ACT_OK;
	if (ip.protocol != IPPROTO_TCP && ip.protocol != IPPROTO_UDP)
		return TC_ACT_OK;
	if (bpf_skb_load_bytes(skb, L4_AT + offsetof(struct udphdr, dest), &port, sizeof(port)))
		return TC_ACT_SHOT;
	service = bpf_map_lookup_elem(&services, &port);
	if (!service)
		return TC_ACT_OK;

	skb->mark = service->mark;
	skb->priority = service->priority;
	if (set_dscp(skb, ip.tos, service->dscp) || set_port(skb, ip.protocol, port, service->port) ||
	    bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_dest), &service->host, sizeof(service->host), 0))
		return TC_ACT_SHOT;
	return TC_ACT_OK;
}
