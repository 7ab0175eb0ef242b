/* Has connections outlive the socket that they came for. */
#include "ebpf.h"

/* New ones go to the first of the group; when that is closed, those that it has go to the second. */
SEC("sk_reuseport/migrate")
int move_over(struct sk_reuseport_md *md)
{
	__u32 which = md->migrating_sk ? 1 : 0;

	if (md->migrating_sk)
		__sync_fetch_and_add(&seen, 1);
	return bpf_sk_select_reuseport(md, &group, &which, 0) ? SK_DROP : SK_PASS;
}
