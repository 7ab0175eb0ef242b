// SPDX-License-Identifier: BSD-2-Clause
/* A loop that the verifier follows to its end, and a mistake behind it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

const volatile int turns = 1;

SEC("tc")
int walk(struct __sk_buff *skb)
{
	volatile __u64 sum = 0;
	__u32 key = 0;
	__u64 *count;

	for (int turn = 0; turn < turns; turn++)
		sum += skb->len;
	count = bpf_map_lookup_elem(&counts, &key);
	return sum + *count;
}
