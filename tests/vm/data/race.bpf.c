/* Counts every system call twice, in a variable and in a map; tells in how many counts the two differ. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

__u64 counted;
volatile __u32 knob;
static volatile __u32 hidden SEC(".data.hidden");
const volatile __u32 fixed = 1;

SEC("raw_tracepoint/sys_enter")
int count(void *ctx)
{
	__u32 zero = 0;
	__u64 *total = bpf_map_lookup_elem(&calls, &zero);

	if (total) {
		__sync_fetch_and_add(total, 1);
		__sync_fetch_and_add(&counted, 1);
	}
	return 0;
}

SEC("xdp")
int differ(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u64 *total = bpf_map_lookup_elem(&calls, &zero);

	return total ? *total - counted + knob + hidden - knob - hidden : fixed;
}

char LICENSE[] SEC("license") = "GPL";
