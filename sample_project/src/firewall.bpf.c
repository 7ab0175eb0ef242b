// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * The firewall at the edge, in XDP: before the kernel has spent anything on a packet.
 *
 *   1. A rule for the longest prefix that holds the source decides: let it through, drop it, or answer
 *      its pings here.
 *   2. Ports in closed_ports are closed to everyone.
 *   3. A source may send rate_limit packets a second.
 *
 * Fragments: a first fragment too short to hold the ports is dropped, since it can only be meant to get
 * past step 2 (RFC 1858). Later fragments hold no ports; they pass step 2, for without their first
 * fragment nobody can put them together.
 */
#include "ebpf.h"
#include "ebpf_packet.h"

#define SECOND 1000000000ULL

/* RFC 1624: the checksum after one of the 16-bit words it covers has changed. */
static __always_inline __sum16 checksum_after(__sum16 checksum, __be16 from, __be16 to)
{
	__u32 sum = (__u16)~checksum + (__u16)~from + to;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void swap_macs(struct ethhdr *ethernet)
{
	__u8 source[ETH_ALEN];

	__builtin_memcpy(source, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, source, ETH_ALEN);
}

/* Make a reply of the echo request at packet->at. IP addresses may be swapped with no other checksum to mend. */
static __always_inline bool echo(struct ebpf_packet *packet, __u8 request, __u8 reply)
{
	struct icmphdr *icmp = ebpf_take(packet, sizeof(*icmp));

	if (!icmp || icmp->type != request || icmp->code != 0)
		return false;
	icmp->checksum = checksum_after(icmp->checksum, bpf_htons(request << 8), bpf_htons(reply << 8));
	icmp->type = reply;
	return true;
}

static __always_inline bool echo_ipv4(struct ebpf_packet *packet, struct iphdr *ip)
{
	__be32 source = ip->saddr;

	if (packet->protocol != IPPROTO_ICMP || packet->fragmented || !echo(packet, ICMP_ECHO, ICMP_ECHOREPLY))
		return false;
	ip->saddr = ip->daddr;
	ip->daddr = source;
	return true;
}

static __always_inline bool echo_ipv6(struct ebpf_packet *packet, struct ipv6hdr *ip)
{
	struct in6_addr source = ip->saddr;

	if (packet->protocol != NEXTHDR_ICMP || packet->fragmented ||
	    !echo(packet, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY))
		return false;
	ip->saddr = ip->daddr;
	ip->daddr = source;
	return true;
}

/* Whether the packet goes to a closed port, or hides which port it goes to. */
static __always_inline bool is_closed(struct ebpf_packet packet)
{
	struct ebpf_ports *ports;

	if (packet.later || (packet.protocol != IPPROTO_TCP && packet.protocol != IPPROTO_UDP))
		return false;
	ports = ebpf_take(&packet, sizeof(*ports));
	return !ports || bpf_map_lookup_elem(&closed_ports, &ports->dest);
}

/*
 * Count a packet of its source, and say whether the source may send it. The window is not kept exactly:
 * two CPUs that open a new one at once may let a few packets more through.
 */
static __always_inline bool is_in_rate(void *sources, const void *address, __u64 length)
{
	struct source *source = bpf_map_lookup_elem(sources, address);
	__u64 now = bpf_ktime_get_ns();

	if (!source) {
		struct source first = { .packets = 1, .bytes = length, .window = now, .in_window = 1 };

		bpf_map_update_elem(sources, address, &first, BPF_ANY);
		return true;
	}
	__sync_fetch_and_add(&source->packets, 1);
	__sync_fetch_and_add(&source->bytes, length);
	if (now - source->window >= SECOND) {
		source->window = now;
		source->in_window = 0;
	}
	__sync_fetch_and_add(&source->in_window, 1);
	return !rate_limit || source->in_window <= rate_limit;
}

/* What the rule says, counted; PASS with no rule. */
static __always_inline bool has_rule(struct rule *rule, enum action *action)
{
	if (!rule)
		return false;
	__sync_fetch_and_add(&rule->hits, 1);
	*action = rule->action;
	return true;
}

static __always_inline int filter_ipv4(struct ebpf_packet *packet, struct ethhdr *ethernet, __u64 length)
{
	struct iphdr *ip = ebpf_parse_ipv4(packet);
	struct ebpf_ipv4_prefix source = { .prefixlen = 32 };
	enum action action;

	if (!ip)
		return XDP_DROP;
	source.address = ip->saddr;
	if (has_rule(bpf_map_lookup_elem(&blocked, &source), &action)) {
		if (action == DROP)
			return XDP_DROP;
		if (action == PASS)
			return XDP_PASS;
		if (echo_ipv4(packet, ip)) {
			swap_macs(ethernet);
			return XDP_TX;
		}
	}
	if (is_closed(*packet) || !is_in_rate(&sources, &source.address, length))
		return XDP_DROP;
	return XDP_PASS;
}

static __always_inline int filter_ipv6(struct ebpf_packet *packet, struct ethhdr *ethernet, __u64 length)
{
	struct ipv6hdr *ip = ebpf_parse_ipv6(packet);
	struct ebpf_ipv6_prefix source = { .prefixlen = 128 };
	enum action action;

	if (!ip)
		return XDP_DROP;
	__builtin_memcpy(&source.address, &ip->saddr, sizeof(source.address));
	if (has_rule(bpf_map_lookup_elem(&blocked6, &source), &action)) {
		if (action == DROP)
			return XDP_DROP;
		if (action == PASS)
			return XDP_PASS;
		if (echo_ipv6(packet, ip)) {
			swap_macs(ethernet);
			return XDP_TX;
		}
	}
	if (is_closed(*packet) || !is_in_rate(&sources6, &source.address, length))
		return XDP_DROP;
	return XDP_PASS;
}

static __always_inline int filter(struct ebpf_packet *packet, __u64 length)
{
	struct ethhdr *ethernet = ebpf_parse_ethernet(packet);

	if (!ethernet)
		return XDP_DROP;
	if (packet->ethertype == bpf_htons(ETH_P_IP))
		return filter_ipv4(packet, ethernet, length);
	if (packet->ethertype == bpf_htons(ETH_P_IPV6))
		return filter_ipv6(packet, ethernet, length);
	return XDP_PASS;
}

SEC("xdp")
int ingress(struct xdp_md *ctx)
{
	struct ebpf_packet packet = ebpf_packet_of(ctx);
	__u64 length = packet.end - packet.at;
	__u32 all = 0;
	struct counters *counters = bpf_map_lookup_elem(&stats, &all);
	int verdict = filter(&packet, length);

	if (counters) {
		__sync_fetch_and_add(&counters->packets, 1);
		__sync_fetch_and_add(&counters->bytes, length);
		if (verdict == XDP_DROP)
			__sync_fetch_and_add(&counters->dropped, 1);
	}
	return verdict;
}
