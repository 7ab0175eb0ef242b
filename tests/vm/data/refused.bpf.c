/* Programs that kernels refuse, each for a reason of its own; each test loads one. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} table SEC(".maps");

SEC("?xdp")
int out_of_bounds(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;

	return data[4];
}

SEC("?xdp")
int no_null_check(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&table, &key);

	return *value;
}

SEC("?xdp")
int endless(struct xdp_md *ctx)
{
	volatile __u32 stop = 0;

	while (!stop)
		;
	return XDP_PASS;
}

SEC("?xdp")
int new_helper(struct xdp_md *ctx)
{
	return bpf_ktime_get_tai_ns() ? XDP_PASS : XDP_DROP;
}

SEC("?fentry/do_nanosleep")
int new_helper_traced(void *ctx)
{
	bpf_get_current_task_btf();
	return 0;
}

SEC("?xdp")
int wrong_helper(struct xdp_md *ctx)
{
	__u8 byte;

	return bpf_skb_load_bytes(ctx, 0, &byte, 1) ? XDP_PASS : XDP_DROP;
}

SEC("?xdp")
int leaves_no_value(struct xdp_md *ctx)
{
	asm volatile("exit");
	return XDP_PASS;
}

SEC("?fentry/no_such_function_anywhere")
int nowhere(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
