/* Goes over the memory of processes. */
#include "ebpf.h"

SEC("iter/task_vma")
int areas(struct bpf_iter__task_vma *ctx)
{
	struct area found = {};

	if (!ctx->vma || ctx->task->tgid != watched)
		return 0;
	found.start = ctx->vma->vm_start;
	found.end = ctx->vma->vm_end;
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}
