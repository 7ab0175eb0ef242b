/* A congestion control: links_ops_link.bpf.c has the same in a section that links. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "registers.h"
#include <bpf/bpf_tracing.h>

#ifndef SECTION
#define SECTION ".struct_ops"
#endif

struct sock;

struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	void (*init)(struct sock *sk);
	char name[16];
};

__u64 calls;

SEC("struct_ops/count")
void BPF_PROG(count, struct sock *sk)
{
	__sync_fetch_and_add(&calls, 1);
}

SEC("struct_ops/threshold")
__u32 BPF_PROG(threshold, struct sock *sk)
{
	return 2;
}

SEC("struct_ops/undo")
__u32 BPF_PROG(undo, struct sock *sk)
{
	return 2;
}

SEC("struct_ops/avoid")
void BPF_PROG(avoid, struct sock *sk, __u32 ack, __u32 acked)
{
}

SEC(SECTION)
struct tcp_congestion_ops counted = {
	.init = (void *)count,
	.ssthresh = (void *)threshold,
	.undo_cwnd = (void *)undo,
	.cong_avoid = (void *)avoid,
	.name = "counted",
};

char LICENSE[] SEC("license") = "GPL";
