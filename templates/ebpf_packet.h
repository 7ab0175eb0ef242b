/*
 * Parse packets from their first byte, for programs with direct access to them (xdp, tc).
 *
 * A struct ebpf_packet is a cursor: each parse function takes one header off the front and says where it
 * was, or NULL when the packet ends before the header does. All bounds are checked here, once.
 */
#ifndef __EBPF_PACKET_H__
#define __EBPF_PACKET_H__

#include "ebpf.h"

/* 802.1Q inside 802.1ad: more tags than two are not told apart from any other payload. */
#define EBPF_MAX_TAGS 2

/* Hop-by-hop, destination, routing, fragment: each may stand once before the payload (RFC 8200, 4.1). */
#define EBPF_MAX_EXTENSIONS 5

/* All ones; 255 * 8 + 8 is the longest extension header. */
#define EBPF_MAX_SKIP 0xfff

struct ebpf_packet {
	void *at;		/* the next header */
	void *end;
	__be16 ethertype;	/* what follows the Ethernet header and its tags */
	__u8 protocol;		/* what follows the IP header and its extensions */
	bool fragmented;	/* a part of a larger datagram ... */
	bool later;		/* ... and not the first: no layer 4 header follows */
};

struct ebpf_vlan {
	__be16 tci;
	__be16 ethertype;
};

struct ebpf_extension {
	__u8 next;
	__u8 length;		/* in units of 8 bytes, the first not counted */
};

struct ebpf_fragment {
	__u8 next;
	__u8 reserved;
	__be16 offset;
	__be32 id;
};

/* Both ports stand first in TCP and UDP alike. */
struct ebpf_ports {
	__be16 source;
	__be16 dest;
};

#define ebpf_packet_of(ctx) \
	((struct ebpf_packet){ .at = (void *)(long)(ctx)->data, .end = (void *)(long)(ctx)->data_end })

/* The next size bytes, a constant; the packet then begins after them. */
static __always_inline void *ebpf_take(struct ebpf_packet *packet, __u32 size)
{
	void *header = packet->at;

	if (header + size > packet->end)
		return NULL;
	packet->at = header + size;
	return header;
}

/* Skip a part whose size the packet tells, at most that of the longest IPv6 extension header. */
static __always_inline bool ebpf_skip(struct ebpf_packet *packet, __u64 size)
{
	/* The verifier has to see a bound right before the addition; the barrier keeps clang from losing it. */
	barrier_var(size);
	size &= EBPF_MAX_SKIP;
	if (packet->at + size > packet->end)
		return false;
	packet->at += size;
	return true;
}

static __always_inline bool ebpf_is_tag(__be16 ethertype)
{
	return ethertype == bpf_htons(ETH_P_8021Q) || ethertype == bpf_htons(ETH_P_8021AD);
}

static __always_inline struct ethhdr *ebpf_parse_ethernet(struct ebpf_packet *packet)
{
	struct ethhdr *ethernet = ebpf_take(packet, sizeof(*ethernet));

	if (!ethernet)
		return NULL;
	packet->ethertype = ethernet->h_proto;
	for (int i = 0; i < EBPF_MAX_TAGS && ebpf_is_tag(packet->ethertype); i++) {
		struct ebpf_vlan *vlan = ebpf_take(packet, sizeof(*vlan));

		if (!vlan)
			return NULL;
		packet->ethertype = vlan->ethertype;
	}
	return ethernet;
}

static __always_inline struct iphdr *ebpf_parse_ipv4(struct ebpf_packet *packet)
{
	struct iphdr *ip = ebpf_take(packet, sizeof(*ip));
	__u16 offset;

	if (!ip || ip->version != 4 || ip->ihl < 5 || !ebpf_skip(packet, (ip->ihl - 5) * 4))
		return NULL;
	offset = bpf_ntohs(ip->frag_off);
	packet->protocol = ip->protocol;
	packet->fragmented = offset & (IP_MF | IP_OFFSET);
	packet->later = offset & IP_OFFSET;
	return ip;
}

static __always_inline struct ipv6hdr *ebpf_parse_ipv6(struct ebpf_packet *packet)
{
	struct ipv6hdr *ip = ebpf_take(packet, sizeof(*ip));

	if (!ip || ip->version != 6)
		return NULL;
	packet->protocol = ip->nexthdr;
	for (int i = 0; i < EBPF_MAX_EXTENSIONS && !packet->later; i++) {
		struct ebpf_extension *extension;
		struct ebpf_fragment *fragment;

		switch (packet->protocol) {
		case NEXTHDR_HOP:
		case NEXTHDR_ROUTING:
		case NEXTHDR_DEST:
			extension = ebpf_take(packet, sizeof(*extension));
			if (!extension || !ebpf_skip(packet, extension->length * 8 + 8 - sizeof(*extension)))
				return NULL;
			packet->protocol = extension->next;
			break;
		case NEXTHDR_FRAGMENT:
			fragment = ebpf_take(packet, sizeof(*fragment));
			if (!fragment)
				return NULL;
			packet->protocol = fragment->next;
			packet->fragmented = true;
			packet->later = fragment->offset & bpf_htons(IP6_OFFSET);
			break;
		default:
			return ip;
		}
	}
	return ip;
}

#endif
