/* Deleted files are counted, by the one program that this kernel takes. */
#include "ebpf.h"

static int count(__u32 key)
{
	__u64 *value = bpf_map_lookup_elem(&seen, &key);

	if (value)
		*value += 1;
	return 0;
}

SEC("kprobe.multi")
int deleted_many(void *ctx)
{
	return count(FIRST);
}

SEC("kprobe")
int deleted_one(void *ctx)
{
	return count(SECOND);
}
