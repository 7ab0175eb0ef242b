/* A ring buffer that overwrites the oldest records instead of refusing new ones. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(map_flags, 1 << 19); /* BPF_F_RB_OVERWRITE */
	__uint(max_entries, 4096);
} events SEC(".maps");

volatile __u64 sent;

SEC("tc")
int send(struct __sk_buff *skb)
{
	__u64 number = sent++;

	return bpf_ringbuf_output(&events, &number, sizeof(number), 0);
}

char LICENSE[] SEC("license") = "GPL";
