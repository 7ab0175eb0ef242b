/* One program of each type that BPF_PROG_TEST_RUN serves; each test loads the one it is about. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct request {
	__u32 number;
	__u32 answer;
};

struct bpf_nf_ctx;

SEC("?xdp")
int xdp_answer(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + 14 > end)
		return XDP_ABORTED;
	data[0] = 2;
	return ctx->ingress_ifindex ? XDP_PASS : XDP_TX;
}

SEC("?xdp")
int xdp_mark(struct xdp_md *ctx)
{
	__u32 *mark;

	if (bpf_xdp_adjust_meta(ctx, -4))
		return XDP_ABORTED;
	mark = (void *)(long)ctx->data_meta;
	if ((void *)(mark + 1) > (void *)(long)ctx->data)
		return XDP_ABORTED;
	*mark = 0x04030201;
	return XDP_PASS;
}

SEC("?xdp")
int xdp_grow(struct xdp_md *ctx)
{
	return bpf_xdp_adjust_head(ctx, -64) ? XDP_ABORTED : XDP_PASS;
}

SEC("?tc")
int tc_mark(struct __sk_buff *skb)
{
	skb->priority = skb->mark + 1;
	skb->mark = 7;
	return skb->len > 100 ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("?tcx/ingress")
int tcx_next(struct __sk_buff *skb)
{
	return -1; /* TCX_NEXT, which older headers do not have */
}

SEC("?cgroup_skb/egress")
int cgroup_account(struct __sk_buff *skb)
{
	return skb->len == 28;
}

SEC("?socket")
int socket_length(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("?lwt_xmit")
int lwt_drop(struct __sk_buff *skb)
{
	return BPF_DROP;
}

SEC("?flow_dissector")
int dissect(struct __sk_buff *skb)
{
	struct bpf_flow_keys *keys = skb->flow_keys;

	keys->ip_proto = IPPROTO_UDP;
	keys->addr_proto = ETH_P_IP;
	keys->ipv4_src = bpf_htonl(0x0a000001);
	keys->dport = bpf_htons(53);
	return BPF_OK;
}

SEC("?sk_lookup")
int choose(struct bpf_sk_lookup *ctx)
{
	return ctx->local_port == 80 ? SK_PASS : SK_DROP;
}

SEC("?raw_tp/task_rename")
int raw(struct bpf_raw_tracepoint_args *ctx)
{
	return ctx->args[0] + ctx->args[1];
}

SEC("?syscall")
int respond(struct request *request)
{
	request->answer = request->number + 1;
	return 3;
}

SEC("?netfilter")
int filter(struct bpf_nf_ctx *ctx)
{
	return 1;
}

SEC("?kprobe/do_nanosleep")
int traced(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
