// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * A load balancer at layer 2: a packet for a virtual address goes back out of the card it came by, to the
 * MAC address of a backend, which answers the client itself (direct server return).
 *
 * Each flow goes to the backend with the highest score for it (rendezvous hashing), which no table has to
 * remember: when a backend fails its flows are spread over the others, and no other flow moves.
 */
#include "ebpf.h"
#include "ebpf_packet.h"

#define MAX_BACKENDS 16

/* The finish of MurmurHash3: every bit of the input changes half of the output. */
static __always_inline __u32 mixed(__u32 hash)
{
	hash ^= hash >> 16;
	hash *= 0x85ebca6b;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35;
	hash ^= hash >> 16;
	return hash;
}

static __always_inline __u32 hash_of(const struct iphdr *ip, const struct ebpf_ports *ports)
{
	__u32 hash = mixed(ip->saddr);

	hash = mixed(hash ^ ip->daddr);
	hash = mixed(hash ^ ((__u32)ports->source << 16 | ports->dest));
	return mixed(hash ^ ip->protocol);
}

static __always_inline bool is_healthy(__u32 number)
{
	bool *answers = bpf_map_lookup_elem(&healthy, &number);

	return answers && *answers;
}

/* The number of the backend for this flow, or -1 if none is healthy. */
static __always_inline int chosen(const struct pool *pool, __u32 flow)
{
	__u32 best = 0;
	int backend = -1;

	for (__u32 i = 0; i < MAX_BACKENDS && i < pool->backends; i++) {
		__u32 number = pool->first + i, score;

		if (!is_healthy(number))
			continue;
		score = mixed(flow ^ mixed(number + 1));
		if (backend < 0 || score > best) {
			best = score;
			backend = number;
		}
	}
	return backend;
}

static __always_inline int send_to(__u32 number, struct ethhdr *ethernet, __u64 length)
{
	ebpf_mac *backend = bpf_map_lookup_elem(&backends, &number);
	struct counters *counters = bpf_map_lookup_elem(&served, &number);

	if (!backend || !counters)
		return XDP_ABORTED;
	counters->packets++;
	counters->bytes += length;
	__builtin_memcpy(ethernet->h_source, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, backend, ETH_ALEN);
	return XDP_TX;
}

SEC("xdp")
int balance(struct xdp_md *ctx)
{
	struct ebpf_packet packet = ebpf_packet_of(ctx);
	__u64 length = packet.end - packet.at;
	struct ethhdr *ethernet = ebpf_parse_ethernet(&packet);
	struct ebpf_ports *ports;
	struct pool *pool;
	struct vip vip = {};
	struct iphdr *ip;
	int backend;

	if (!ethernet || packet.ethertype != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	ip = ebpf_parse_ipv4(&packet);
	/* Fragments after the first have no ports: the stack puts them together, or drops them. */
	if (!ip || packet.fragmented || (packet.protocol != IPPROTO_TCP && packet.protocol != IPPROTO_UDP))
		return XDP_PASS;
	ports = ebpf_take(&packet, sizeof(*ports));
	if (!ports)
		return XDP_PASS;
	vip.address = ip->daddr;
	vip.port = ports->dest;
	vip.protocol = packet.protocol;
	pool = bpf_map_lookup_elem(&pools, &vip);
	if (!pool)
		return XDP_PASS;
	backend = chosen(pool, hash_of(ip, ports));
	return backend < 0 ? XDP_DROP : send_to(backend, ethernet, length);
}
