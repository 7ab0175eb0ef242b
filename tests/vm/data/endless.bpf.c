/* An iterator that is never done with the first object it is given. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_iter__bpf_map_elem {
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 4);
} numbers SEC(".maps");

SEC("iter/bpf_map_elem")
int again(struct bpf_iter__bpf_map_elem *ctx)
{
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
