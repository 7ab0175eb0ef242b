/* A call of the watched process starts a timer, which runs a function a millisecond later. */
#include "ebpf.h"
#include "watched.h"

#define MILLISECOND 1000000

struct alarm {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct alarm);
} alarms SEC(".maps");

static int rings(void *map, __u32 *key, struct alarm *alarm)
{
	__sync_fetch_and_add(&seen, 1);
	return 0;
}

SEC("fentry/__x64_sys_kill")
int BPF_PROG(start)
{
	__u32 key = 0;
	struct alarm *alarm = bpf_map_lookup_elem(&alarms, &key);

	if (!alarm || !is_watched())
		return 0;
	bpf_timer_init(&alarm->timer, &alarms, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&alarm->timer, rings);
	bpf_timer_start(&alarm->timer, MILLISECOND, 0);
	return 0;
}
