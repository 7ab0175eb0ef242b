/* Goes over the memory of processes. */
#include "ebpf.h"

SEC("iter/task_vma")
int areas(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct task_struct *task = ctx->task;
	struct area found = {};

	if (!vma || !task || task->tgid != watched)
		return 0;
	found.start = vma->vm_start;
	found.end = vma->vm_end;
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}
