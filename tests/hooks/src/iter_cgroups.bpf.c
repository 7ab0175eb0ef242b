/* Goes over cgroups. */
#include "ebpf.h"

SEC("iter/cgroup")
int cgroups(struct bpf_iter__cgroup *ctx)
{
	if (ctx->cgroup)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%llu\n", ctx->cgroup->kn->id);
	return 0;
}
