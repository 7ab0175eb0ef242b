/* Goes over the links of programs. */
#include "ebpf.h"

SEC("iter/bpf_link")
int links(struct bpf_iter__bpf_link *ctx)
{
	struct bpf_link *link = ctx->link;

	if (link)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%u\n", link->id);
	return 0;
}
