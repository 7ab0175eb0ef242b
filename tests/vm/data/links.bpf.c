/* Programs that count how often they are called, one for each way to be attached. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 calls;

SEC("tracepoint/syscalls/sys_enter_openat")
int on_open(void *ctx)
{
	__sync_fetch_and_add(&calls, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
