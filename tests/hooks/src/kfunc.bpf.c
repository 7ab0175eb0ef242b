/* A program that calls a function of the kernel which is not a helper. */
#include "ebpf.h"
#include "watched.h"

extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;

SEC("tp_btf/signal_generate")
int BPF_PROG(signalled, int sig)
{
	struct task_struct *first;

	if (!is_watched())
		return 0;
	first = bpf_task_from_pid(1);
	if (!first)
		return 0;
	bpf_probe_read_kernel_str(path, sizeof(path), first->comm);
	bpf_task_release(first);
	return 0;
}
