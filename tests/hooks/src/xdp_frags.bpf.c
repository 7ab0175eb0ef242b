#include "ebpf.h"

/* Takes frames that are too long for one page: what is beyond the first is not between data and data_end. */
SEC("xdp.frags")
int measure(struct xdp_md *ctx)
{
	frame_length = bpf_xdp_get_buff_len(ctx);
	return XDP_PASS;
}
