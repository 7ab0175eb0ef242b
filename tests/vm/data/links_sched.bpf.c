/* A scheduler that counts the tasks it is given, and leaves them to the queue that all have. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "registers.h"
#include <bpf/bpf_tracing.h>

struct task_struct;
struct scx_init_task_args;

struct sched_ext_ops {
	__s32 (*init_task)(struct task_struct *task, struct scx_init_task_args *args);
	char name[128];
};

__u64 calls;

SEC("struct_ops/take")
__s32 BPF_PROG(take, struct task_struct *task, struct scx_init_task_args *args)
{
	__sync_fetch_and_add(&calls, 1);
	return 0;
}

SEC(".struct_ops.link")
struct sched_ext_ops counted = {
	.init_task = (void *)take,
	.name = "counted",
};

char LICENSE[] SEC("license") = "GPL";
