/* Counts the system calls of the agent, by their numbers; and a program for a tracepoint, and a ring. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define AGENT 1
#define NUMBERS 512

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NUMBERS);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 << 10);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} large SEC(".maps");

volatile __u64 hits;
volatile __u64 entered;
volatile __u64 left;

SEC("raw_tracepoint/sys_enter") int count(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 number = ctx->args[1];
	__u64 *counted = bpf_map_lookup_elem(&calls, &number);

	if (counted && bpf_get_current_pid_tgid() >> 32 == AGENT)
		(*counted)++;
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_getpgid") int hit(void *ctx)
{
	__u64 record = ++hits;

	bpf_ringbuf_output(&ring, &record, sizeof(record), 0);
	bpf_ringbuf_output(&large, &record, sizeof(record), 0);
	return 0;
}

SEC("kprobe/__x64_sys_getpgid") int enter(void *ctx)
{
	entered++;
	return 0;
}

SEC("kretprobe/__x64_sys_getpgid") int leave(void *ctx)
{
	left += entered == left + 1; /* not before it was entered */
	return 0;
}

char _license[] SEC("license") = "GPL";
