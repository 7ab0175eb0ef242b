// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A chain of programs: parse, then filter, then count, each reached by a tail call through the map of
 * stages. What the first finds out the others read from the flow, of which every CPU has one of its own.
 *
 * A stage that is not in the map ends the chain, and the packet passes.
 */
#include "ebpf.h"
#include "ebpf_packet.h"

static __always_inline struct flow *this_flow(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&current_flow, &only);
}

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	struct ebpf_packet packet = ebpf_packet_of(ctx);
	struct flow *flow = this_flow();
	struct ebpf_ports *ports;
	struct iphdr *ip;

	if (!flow || !ebpf_parse_ethernet(&packet) || packet.ethertype != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	flow->length = packet.end - (void *)(long)ctx->data;
	ip = ebpf_parse_ipv4(&packet);
	if (!ip)
		return XDP_DROP;
	flow->source = ip->saddr;
	flow->dest = ip->daddr;
	flow->protocol = packet.protocol;
	flow->port = 0;
	if (!packet.later && (packet.protocol == IPPROTO_TCP || packet.protocol == IPPROTO_UDP)) {
		ports = ebpf_take(&packet, sizeof(*ports));
		if (!ports)
			return XDP_DROP;
		flow->port = ports->dest;
	}
	bpf_tail_call(ctx, &stages, FILTER);
	return XDP_PASS;
}

SEC("xdp")
int filter(struct xdp_md *ctx)
{
	struct flow *flow = this_flow();

	if (!flow || bpf_map_lookup_elem(&closed_ports, &flow->port))
		return XDP_DROP;
	bpf_tail_call(ctx, &stages, COUNT);
	return XDP_PASS;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	struct flow *flow = this_flow();
	struct counters *counters;
	__u32 protocol;

	if (!flow)
		return XDP_ABORTED;
	protocol = flow->protocol;
	counters = bpf_map_lookup_elem(&by_protocol, &protocol);
	if (counters) {
		/* This CPU's own counters: nobody else writes them. */
		counters->packets++;
		counters->bytes += flow->length;
	}
	return XDP_PASS;
}
