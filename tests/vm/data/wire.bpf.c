/* Programs on the guest's ends of wires: what each does with a frame, and how many it saw. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ECHO 7
#define DISCARD 9

__u64 seen;

static __always_inline void count(void)
{
	__sync_fetch_and_add(&seen, 1);
}

static __always_inline void turn_round(struct ethhdr *eth, struct iphdr *ip, struct udphdr *udp)
{
	unsigned char mac[ETH_ALEN];
	__be32 address = ip->saddr;
	__be16 port = udp->source;

	__builtin_memcpy(mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, mac, ETH_ALEN);
	ip->saddr = ip->daddr;
	ip->daddr = address;
	udp->source = udp->dest;
	udp->dest = port;
}

/* UDP to port 7 is sent back, to port 9 dropped; all else goes on to the stack. */
SEC("xdp")
int services(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct udphdr *udp = (void *)(ip + 1);

	count();
	if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	if (udp->dest == bpf_htons(DISCARD))
		return XDP_DROP;
	if (udp->dest != bpf_htons(ECHO))
		return XDP_PASS;
	turn_round(eth, ip, udp);
	return XDP_TX;
}

SEC("xdp")
int reflect(struct xdp_md *ctx)
{
	count();
	return XDP_TX;
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
