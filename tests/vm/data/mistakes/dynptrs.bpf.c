/* Dynptrs, since Linux 5.19, and functions that are verified by themselves. */
#include "mistakes.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("?tc")
int dynptr_kept(struct __sk_buff *skb)
{
	struct bpf_dynptr record;

	bpf_ringbuf_reserve_dynptr(&events, 8, 0, &record);
	return TC_ACT_OK;
}

SEC("?tc")
int dynptr_never_made(struct __sk_buff *skb)
{
	struct bpf_dynptr record = {};
	__u32 number;

	bpf_dynptr_read(&number, sizeof(number), &record, 0, 0);
	return TC_ACT_OK;
}

__noinline int whole(__u32 *number)
{
	return *number;
}

SEC("?tc")
int function_of_all(struct __sk_buff *skb)
{
	__u32 number = skb->len;

	return whole(&number);
}

char LICENSE[] SEC("license") = "GPL";
