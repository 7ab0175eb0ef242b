/* A scheduler that counts the tasks it is given, and leaves them to the queue that all have. */
#include "ebpf.h"

SEC("struct_ops")
__s32 BPF_PROG(take, struct task_struct *task, struct scx_init_task_args *args)
{
	__sync_fetch_and_add(&seen, 1);
	return 0;
}

SEC(".struct_ops.link")
struct sched_ext_ops fair = {
	.init_task = (void *)take,
	.name = "fair",
};
