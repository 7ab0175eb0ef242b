/* Programs for each hook of the network, of which a test loads one. They count what is about the tests' port,
 * and some of them change what becomes of it.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PORT 7777
#define AF_INET 2

__u64 calls;
__u64 value;

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

static __always_inline void seen(__u64 what)
{
	value = what;
	__sync_fetch_and_add(&calls, 1);
}

/* Bytes of UDP's payload to the port; 0 where it is none. `at` is where the IPv4 header begins. */
static __always_inline __u32 udp_length(void *data, void *end, __u32 at)
{
	struct iphdr *ip = data + at;
	struct udphdr *udp = (void *)(ip + 1);

	if ((void *)(udp + 1) > end || ip->version != 4 || ip->protocol != IPPROTO_UDP ||
	    udp->dest != bpf_htons(PORT))
		return 0;
	return bpf_ntohs(udp->len) - sizeof(*udp);
}

static __always_inline void seen_skb(struct __sk_buff *skb, __u32 at)
{
	struct iphdr ip;
	struct udphdr udp;

	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 4 || ip.protocol != IPPROTO_UDP ||
	    bpf_skb_load_bytes(skb, at + sizeof(ip), &udp, sizeof(udp)) || udp.dest != bpf_htons(PORT))
		return;
	seen(bpf_ntohs(udp.len) - sizeof(udp));
}

SEC("?xdp")
int on_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 length = udp_length(data, end, sizeof(struct ethhdr));

	if (length)
		seen(length);
	return XDP_PASS;
}

SEC("?xdp.frags")
int on_xdp_frags(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("?tc")
int on_tc(struct __sk_buff *skb)
{
	seen_skb(skb, sizeof(struct ethhdr));
	return TC_ACT_UNSPEC;
}

SEC("?tc/egress")
int on_tc_egress(struct __sk_buff *skb)
{
	seen_skb(skb, sizeof(struct ethhdr));
	return TC_ACT_UNSPEC;
}

SEC("?tcx/ingress")
int on_tcx_ingress(struct __sk_buff *skb)
{
	seen_skb(skb, sizeof(struct ethhdr));
	return TC_ACT_UNSPEC;
}

SEC("?tcx/egress")
int on_tcx_egress(struct __sk_buff *skb)
{
	seen_skb(skb, sizeof(struct ethhdr));
	return TC_ACT_UNSPEC;
}

/* Devices in mode l3 have an Ethernet header, too, of zeros. */
SEC("?netkit/primary")
int on_netkit_primary(struct __sk_buff *skb)
{
	seen_skb(skb, sizeof(struct ethhdr));
	return TC_ACT_UNSPEC;
}

SEC("?netkit/peer")
int on_netkit_peer(struct __sk_buff *skb)
{
	seen_skb(skb, sizeof(struct ethhdr));
	return TC_ACT_UNSPEC;
}

struct bpf_nf_ctx;

SEC("?netfilter")
int on_netfilter(struct bpf_nf_ctx *ctx)
{
	seen(1);
	return 1; /* NF_ACCEPT */
}

SEC("?flow_dissector")
int on_flow_dissector(struct __sk_buff *skb)
{
	seen(1);
	return BPF_DROP; /* nothing is known of the flow */
}

/* What comes for a port that nobody listens on goes to the one socket in the map. */
SEC("?sk_lookup")
int on_sk_lookup(struct bpf_sk_lookup *ctx)
{
	struct bpf_sock *sk;
	__u32 key = 0;
	long err;

	if (ctx->local_port != PORT + 1)
		return SK_PASS;
	seen(ctx->local_port);
	sk = bpf_map_lookup_elem(&sockets, &key);
	if (!sk)
		return SK_PASS;
	err = bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return err ? SK_DROP : SK_PASS;
}

SEC("?socket")
int on_socket(struct __sk_buff *skb)
{
	seen(skb->len - sizeof(struct udphdr));
	return skb->len;
}

SEC("?socket")
int cuts(struct __sk_buff *skb)
{
	return sizeof(struct udphdr) + 1;
}

SEC("?sk_reuseport")
int on_reuseport(struct sk_reuseport_md *md)
{
	seen(md->len);
	return SK_PASS;
}

SEC("?cgroup/skb")
int on_cgroup_skb(struct __sk_buff *skb)
{
	seen_skb(skb, 0);
	return 1;
}

SEC("?cgroup/connect4")
int on_connect(struct bpf_sock_addr *ctx)
{
	seen(bpf_ntohs(ctx->user_port));
	return 1;
}

SEC("?sk_msg")
int on_sk_msg(struct sk_msg_md *msg)
{
	seen(msg->size);
	return SK_PASS;
}

SEC("?sk_skb/stream_parser")
int on_parser(struct __sk_buff *skb)
{
	seen(skb->len);
	return skb->len;
}

SEC("?sk_skb/stream_verdict")
int on_stream_verdict(struct __sk_buff *skb)
{
	if (skb->len) /* the end of the stream has none */
		seen(skb->len);
	return SK_PASS;
}

SEC("?sk_skb/verdict")
int on_verdict(struct __sk_buff *skb)
{
	if (skb->len) /* the end of the stream has none */
		seen(skb->len);
	return SK_PASS;
}

SEC("?lwt_in")
int on_lwt_in(struct __sk_buff *skb)
{
	seen_skb(skb, 0);
	return BPF_OK;
}

SEC("?lwt_out")
int on_lwt_out(struct __sk_buff *skb)
{
	seen_skb(skb, 0);
	return BPF_OK;
}

SEC("?lwt_xmit")
int on_lwt_xmit(struct __sk_buff *skb)
{
	seen_skb(skb, 0);
	return BPF_OK;
}

char LICENSE[] SEC("license") = "GPL";
