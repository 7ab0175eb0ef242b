/* Programs at tracepoints, by each of the ways in which they are given what is traced. */
#include "ebpf.h"
#include "watched.h"

SEC("tracepoint/syscalls/sys_enter_kill")
int kill_begins(struct trace_event_raw_sys_enter *ctx)
{
	return tell(NULL, ctx->args[1], 0);
}

SEC("tp")
int kill_ends(struct trace_event_raw_sys_exit *ctx)
{
	return tell(NULL, 0, ctx->ret);
}

SEC("raw_tp/signal_generate")
int signal_raw(struct bpf_raw_tracepoint_args *ctx)
{
	return tell(NULL, ctx->args[0], 0);
}

SEC("tp_btf/signal_generate")
int BPF_PROG(signal_typed, int sig, struct kernel_siginfo *info, struct task_struct *task)
{
	return tell(NULL, sig, task->tgid);
}

/* The kernel lets it write what bpf_test_finish is given: how running a program ends. */
SEC("raw_tp.w/bpf_test_finish")
int fail_runs(struct bpf_raw_tracepoint_args *ctx)
{
	int *err = (int *)ctx->args[0];

	*err = -33; /* EDOM */
	return 0;
}

SEC("socket")
int runs(struct __sk_buff *skb)
{
	return 0;
}
