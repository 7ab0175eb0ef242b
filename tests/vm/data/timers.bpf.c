/* A timer that sends an event when it fires, in a value beside a lock and a count. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define CLOCK_MONOTONIC 1

struct alarm {
	struct bpf_timer timer;
	struct bpf_spin_lock lock;
	__u32 fired;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct alarm);
	__uint(max_entries, 1);
} alarms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

static int ring(void *map, __u32 *key, struct alarm *alarm)
{
	__u32 fired = ++alarm->fired;

	bpf_ringbuf_output(&events, &fired, sizeof(fired), 0);
	if (fired < 3)
		bpf_timer_start(&alarm->timer, 10000000, 0);
	return 0;
}

SEC("tc")
int start(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct alarm *alarm = bpf_map_lookup_elem(&alarms, &zero);

	if (!alarm)
		return 1;
	bpf_spin_lock(&alarm->lock);
	alarm->fired = 0;
	bpf_spin_unlock(&alarm->lock);
	bpf_timer_init(&alarm->timer, &alarms, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&alarm->timer, ring);
	return bpf_timer_start(&alarm->timer, 10000000, 0);
}

char LICENSE[] SEC("license") = "GPL";
