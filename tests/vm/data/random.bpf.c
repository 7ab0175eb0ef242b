// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} drawn SEC(".maps");

SEC("xdp") int draw(struct xdp_md *ctx)
{
	__u32 only = 0;
	__u64 *number = bpf_map_lookup_elem(&drawn, &only);

	if (number)
		*number = bpf_get_prandom_u32();
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
