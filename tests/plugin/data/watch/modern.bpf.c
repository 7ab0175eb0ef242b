/* For kernels from 5.18 on. */
#include "ebpf.h"

SEC("kprobe.multi")
int many(void *ctx)
{
	return 0;
}
