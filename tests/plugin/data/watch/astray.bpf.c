/* For a function that no kernel has. */
#include "ebpf.h"

SEC("kprobe")
int lost(void *ctx)
{
	return 0;
}
