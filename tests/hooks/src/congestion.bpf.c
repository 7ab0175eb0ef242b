/* A congestion control that always sends two segments, and counts who chose it. */
#include "ebpf.h"

#ifndef SECTION
#define SECTION ".struct_ops"
#endif

SEC("struct_ops")
void BPF_PROG(chosen, struct sock *sk)
{
	__sync_fetch_and_add(&seen, 1);
}

SEC("struct_ops")
__u32 BPF_PROG(threshold, struct sock *sk)
{
	return 2;
}

SEC("struct_ops")
__u32 BPF_PROG(window, struct sock *sk)
{
	return 2;
}

SEC("struct_ops")
void BPF_PROG(acked, struct sock *sk, __u32 ack, __u32 count)
{
}

SEC(SECTION)
struct tcp_congestion_ops steady = {
	.init = (void *)chosen,
	.ssthresh = (void *)threshold,
	.undo_cwnd = (void *)window,
	.cong_avoid = (void *)acked,
	.name = "steady",
};
